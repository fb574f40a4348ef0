import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { restore } from '../../../../src/operations/saving/restore.js';
import { encodeXlHead } from '../../../../src/savefile/xl-header.js';
import { LocalHost, never } from '../../../support/local-host.js';
import { changed } from '../../domain/libxl-json/live-configs.js';

const PV = 'a PV guest of 4.17 with pygrub, a framebuffer and vkb';

describe('a save file that another host has written', () => {
  let local: LocalHost;
  beforeEach(async () => {
    local = await LocalHost.make();
  });
  afterEach(() => local[Symbol.asyncDispose]());

  const restored = (config: unknown): Promise<unknown> => {
    const file = local.path('guest.save');
    // No stream follows: what is refused before it is read is told apart from what is not.
    writeFileSync(file, encodeXlHead({ format: 'libxl-json', text: JSON.stringify(config) }));
    return restore(local.host, { file, paused: true, signal: never, onEvent: () => undefined });
  };

  it('is refused where its configuration has fields that nothing can check, by name', async () => {
    await expect(restored(changed(PV, ({ b_info: b }) => (b.newer = '/etc/shadow')))).rejects.toMatchObject({
      code: 'E_REFUSED_NATIVE_FIELDS',
      message: expect.stringContaining('b_info.newer') as string,
      hint: expect.stringContaining('--xml') as string,
    });
  });

  it('is restored with a warning where hooks and checks do not see all that it hands out', async () => {
    const config = changed(PV, (one) => (one.p9s = [{ path: '/', tag: 'x' }] as never));
    await expect(restored(config)).rejects.not.toMatchObject({ code: 'E_REFUSED_NATIVE_FIELDS' });
    expect(local.log.join()).toMatch(/pv1: hooks and checks do not see p9s in .*guest\.save/);
  });

  it('goes without a word where all of it is seen, by a user of this host, wherever its disks are', async () => {
    const config = changed(PV, ({ disks }) =>
      Object.assign((disks as unknown as object[])[0], { pdev_path: '/dev/sdz' }),
    );
    await expect(restored(config)).rejects.not.toMatchObject({ code: expect.stringMatching(/^E_REFUSED/) as string });
    expect(local.log).toEqual([]);
  });
});
