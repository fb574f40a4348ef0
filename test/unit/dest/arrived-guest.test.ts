import { describe, expect, it } from 'vitest';
import { ArrivedGuest, type GuestContext } from '../../../src/dest/arrived-guest.js';
import { whyRefused } from '../../../src/dest/arrival-reasons.js';
import { DEFAULT_DEADLINES } from '../../../src/control/deadlines.js';
import { ToolstackError } from '../../../src/errors/errors.js';
import type { DestState } from '../../../src/handover/dest-side.js';
import { guestDomid } from '../../../src/toolstack/domid.js';
import type { DomainInfo, Toolstack } from '../../../src/toolstack/toolstack.js';

const UUID = '5e0d0000-0000-4000-8000-000000000002';
const INFO: DomainInfo = {
  domid: guestDomid(3),
  uuid: UUID,
  name: 'web',
  state: 'paused',
  memoryKiB: 1,
  maxMemoryKiB: 1,
  vcpus: 1,
  cpuTimeNs: 0n,
};

/** A guest that has arrived, on a host that shows `infos` one after the other, the last of them from then on. */
function arrived(infos: readonly (DomainInfo | undefined)[], calls: Partial<Toolstack> = {}): ArrivedGuest {
  let look = 0;
  const toolstack = {
    info: () => Promise.resolve(infos[Math.min(look++, infos.length - 1)]),
    unpause: () => Promise.resolve(),
    ...calls,
  } as Partial<Toolstack> as Toolstack;
  const hooks = { committed: () => Promise.resolve(), arrived: () => undefined } as Partial<
    GuestContext['hooks']
  > as GuestContext['hooks'];
  return new ArrivedGuest({ toolstack, hooks, deadlines: DEFAULT_DEADLINES }, { uuid: UUID, name: 'web' }, INFO.domid);
}

describe('a guest that has arrived', () => {
  it('and cannot be let run is reported, with the way to start it', async () => {
    const unpause = (): Promise<void> => Promise.reject(new ToolstackError('E_TOOLSTACK_FAIL', 'libxl failed'));
    expect(await arrived([INFO], { unpause }).activate(true)).toMatchObject({
      event: 'activated',
      error: { code: 'E_TOOLSTACK_UNPAUSE', hint: expect.stringContaining('resume') as unknown },
    });
  });

  it('and is not here is lost; one that ends afterwards has ended', async () => {
    expect(await arrived([undefined]).activate(true)).toMatchObject({
      event: 'vanished',
      error: { code: 'E_TOOLSTACK_GONE' },
    });
    const unpause = (): Promise<void> => Promise.reject(new ToolstackError('E_TOOLSTACK_DOMAIN_GONE', 'no domain 3'));
    expect(await arrived([INFO, undefined], { unpause }).activate(true)).toMatchObject({
      event: 'activated',
      error: { code: 'E_TOOLSTACK_UNPAUSE', cause: { code: 'E_TOOLSTACK_GONE' } },
    });
  });

  it('and has run is not destroyed', async () => {
    let destroyed = 0;
    const destroy = (): Promise<void> => {
      destroyed += 1;
      return Promise.resolve();
    };
    const running = { ...INFO, state: 'running' } as const;
    await expect(arrived([running], { destroy }).destroy()).rejects.toMatchObject({ code: 'E_TOOLSTACK_STATE' });
    expect(destroyed).toBe(0);
  });
});

it('a stream whose digest differs from the source is refused for that', () => {
  const state: DestState = {
    phase: 'receiving',
    commit: 'none',
    refusal: 'none',
    vanished: false,
    restored: 'aa',
    finish: 'bb',
  };
  expect(whyRefused(state)).toMatchObject({
    code: 'E_STREAM_DIGEST',
    message: expect.stringMatching(/aa.*bb/) as unknown,
  });
  expect(whyRefused({ ...state, finish: 'aa' })).toMatchObject({ code: 'E_ABORTED' });
});
