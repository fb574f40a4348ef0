import { describe, expect, it } from 'vitest';
import { receive } from '../../../src/dest/receive.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
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
        chunks: silent,
        stallMs: 50,
        restoreMs: 60_000,
        signal: new AbortController().signal,
        onEvent: () => undefined,
      }),
    ).rejects.toMatchObject({ code: 'E_DEADLINE_STALLED' });
    expect(seen.aborted).toBe(true);
  });
});
