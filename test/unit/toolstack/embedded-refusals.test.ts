import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileLock } from '../../../src/posix/file-lock.js';
import { makePipe } from '../../../src/posix/owned-fd.js';
import { guestDomid, type Domid } from '../../../src/toolstack/domid.js';
import { takeLock } from '../../../src/toolstack/embedded/locked-domain.js';
import { MAX_PLATFORM_BYTES, PlatformWriter } from '../../../src/toolstack/embedded/platform/platform-file.js';
import { eventually } from '../../support/eventually.js';
import { withShortTimeout } from '../../support/short-timeouts.js';
import { guest, never, Rig } from './rig.js';

describe('an embedded host refuses', () => {
  let rig: Rig;
  let id: Domid;
  beforeEach(async () => {
    rig = await Rig.make();
    id = await rig.a.create({ domain: guest() });
  });
  afterEach(() => rig[Symbol.dispose]());

  it('to preserve a domain that has not shut down', async () => {
    const uuid = '11111111-2222-4333-8444-555555555555';
    await expect(rig.a.preserve(id, '-1', uuid)).rejects.toMatchObject({ code: 'E_TOOLSTACK_STATE' });
  });

  it('to dump to a file that cannot be made', async () => {
    const path = rig.temp.file('none/core');
    await expect(rig.a.dumpCore(id, path, never)).rejects.toMatchObject({
      code: 'E_SYSTEM_DUMP',
      message: expect.stringContaining(path) as unknown,
    });
  });

  it('to change a domain that is still being restored', async () => {
    const { readEnd, writeEnd } = makePipe('a stream that does not come');
    const stop = new AbortController();
    const restoring = rig.b.restore({ domain: guest() }, readEnd, { streamVersion: 2, signal: stop.signal });
    restoring.catch(() => undefined);
    await eventually(() => expect(readdirSync(join(rig.dirB, 'domains'))).toEqual(['1']));
    await eventually(async () => {
      await expect(rig.b.powerButton(guestDomid(1))).rejects.toMatchObject({ code: 'E_TOOLSTACK_NOT_BUILT' });
    });
    stop.abort(new Error('enough'));
    await expect(restoring).rejects.toThrow('enough');
    writeEnd.close();
  });

  it('a stream with more beside memory than a guest has', () => {
    const folder = rig.temp.file('platform');
    mkdirSync(folder);
    using writer = new PlatformWriter(folder);
    writer.append('head', Buffer.alloc(1024));
    expect(() => writer.append('tail', Buffer.alloc(MAX_PLATFORM_BYTES - 1023))).toThrow(
      expect.objectContaining({ code: 'E_TOOLSTACK_PLATFORM_SIZE' }),
    );
  });

  it('to wait without end for a lock', async () => {
    const path = rig.temp.file('lock');
    using _held = FileLock.tryTake(path, 'a test');
    await withShortTimeout(60_000, () =>
      expect(takeLock(path, 'looking')).rejects.toMatchObject({ code: 'E_DEADLINE_LOCK' }),
    );
  });
});
