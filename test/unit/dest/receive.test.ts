import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { receive } from '../../../src/dest/receive.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { ToolstackError } from '../../../src/errors/errors.js';
import type { OwnedFd } from '../../../src/posix/owned-fd.js';
import type { Toolstack } from '../../../src/toolstack/toolstack.js';

const DOMAIN = parseDomainXml(
  `<domain type='xen'><name>g</name><uuid>5e0d0000-0000-4000-8000-000000000002</uuid><memory unit='MiB'>16</memory>` +
    `<vcpu>1</vcpu><os><type arch='x86_64' machine='xenpvh'>xenpvh</type></os></domain>`,
);

/** A restore that ends only when it is told to. */
function toolstackThatWaits(seen: { aborted: boolean }): Toolstack {
  return {
    restore: (_config, source, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          seen.aborted = true;
          source.close();
          reject(signal.reason as Error);
        });
      }),
  } as Partial<Toolstack> as Toolstack;
}

describe('the arriving side while the stream moves', () => {
  it('F5: lanes that are open and bring nothing end it, and the restore with it', async () => {
    const seen = { aborted: false };
    const silent: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
    };
    await expect(
      receive({
        toolstack: toolstackThatWaits(seen),
        config: { domain: DOMAIN },
        streamVersion: 2,
        opened: Promise.resolve(),
        chunks: silent,
        stallMs: 50,
        restoreMs: 60_000,
        signal: new AbortController().signal,
        onEvent: () => undefined,
      }),
    ).rejects.toMatchObject({ code: 'E_DEADLINE_STALLED' });
    expect(seen.aborted).toBe(true);
  });

  it('a restore that does not end after the whole stream is given up', async () => {
    const seen = { aborted: false };
    const lanes = new PassThrough();
    lanes.end('all of it');
    await expect(
      receive({
        toolstack: toolstackThatWaits(seen),
        config: { domain: DOMAIN },
        streamVersion: 2,
        opened: Promise.resolve(),
        chunks: lanes,
        stallMs: 60_000,
        restoreMs: 20,
        signal: new AbortController().signal,
        onEvent: () => undefined,
      }),
    ).rejects.toMatchObject({ code: 'E_DEADLINE_RESTORE' });
    expect(seen.aborted).toBe(true);
  });

  it('starts no restore before the first lane: a source that never opens one costs no process', async () => {
    let started = 0;
    const toolstack = {
      restore: () => {
        started += 1;
        return Promise.reject(new Error('not asked for'));
      },
    } as Partial<Toolstack> as Toolstack;
    const request = (opened: Promise<void>, signal: AbortSignal): Promise<unknown> =>
      receive({
        toolstack,
        config: { domain: DOMAIN },
        streamVersion: 2,
        opened,
        chunks: new PassThrough(),
        stallMs: 50,
        restoreMs: 60_000,
        signal,
        onEvent: () => undefined,
      });
    const neverOpened = new Promise<void>(() => undefined);
    await expect(request(neverOpened, new AbortController().signal)).rejects.toMatchObject({
      code: 'E_DEADLINE_STALLED',
      message: expect.stringContaining('the first lane of the migration') as string,
    });
    const stop = new AbortController();
    const stopped = request(neverOpened, stop.signal);
    stop.abort(new Error('stopped'));
    await expect(stopped).rejects.toThrow('stopped');
    expect(started).toBe(0);
  });

  it('a restore that cannot start says why, once a lane is open', async () => {
    const gone = new ToolstackError(
      'E_TOOLSTACK_AGENT_DIED',
      'the agent of the toolstack could not be started: ENOMEM',
    );
    const fails = {
      restore: (_config: unknown, source: OwnedFd) => {
        source.close();
        return Promise.reject(gone);
      },
    } as Partial<Toolstack> as Toolstack;
    const lanes = new PassThrough();
    lanes.write('the first bytes');
    let open: () => void = () => undefined;
    const received = receive({
      toolstack: fails,
      config: { domain: DOMAIN },
      streamVersion: 2,
      opened: new Promise((resolve) => {
        open = resolve;
      }),
      chunks: lanes,
      stallMs: 60_000,
      restoreMs: 60_000,
      signal: new AbortController().signal,
      onEvent: () => undefined,
    });
    open();
    await expect(received).rejects.toBe(gone);
  });
});
