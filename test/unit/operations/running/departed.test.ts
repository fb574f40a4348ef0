import { describe, expect, it } from 'vitest';
import { afterDeparture } from '../../../../src/operations/running/departed.js';
import { define } from '../../../../src/operations/definition/define.js';
import { destroyDomain } from '../../../../src/operations/lifecycle/power.js';
import { start } from '../../../../src/operations/lifecycle/start.js';
import type { Toolstack } from '../../../../src/toolstack/toolstack.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never } from '../../../support/local-host.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001';
const ARRIVED = { place: 'destination', phase: 'confirm', persistentThere: true } as const;

/** A host whose toolstack, from `blind` on, cannot be asked for a domain. */
async function hostThatGoesBlind(): Promise<{ local: LocalHost; blind: { now: boolean } }> {
  const blind = { now: false };
  const around = (toolstack: Toolstack): Toolstack =>
    new Proxy(toolstack, {
      get: (target, key): unknown => {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        if (key === 'lookup' && blind.now) return () => Promise.reject(new Error('xenstored does not answer'));
        return (...words: unknown[]): unknown => Reflect.apply(value, target, words);
      },
    });
  return { local: await LocalHost.make({ around }), blind };
}

describe('behind a departure', () => {
  it('a definition is forgotten only once the guest is seen to have gone', async () => {
    const { local, blind } = await hostThatGoesBlind();
    await using _local = local;
    const { host } = local;
    await define(host, guestXml({ name: 'web1', uuid: UUID }), { validate: false, signal: never });
    await start(host, 'web1', { paused: false, forceBoot: false, signal: never, onEvent: () => undefined });
    const info = await host.toolstack.lookup(UUID);
    expect(info).toBeDefined();
    const leaver = {
      uuid: UUID,
      name: 'web1',
      domid: info?.domid ?? -1,
      domain: undefined,
      undefineSource: 'always' as const,
    };

    blind.now = true;
    expect(await afterDeparture(host, leaver, ARRIVED)).toEqual([
      'could not determine whether web1 has ended here: xenstored does not answer; ' +
        'its definition stays, `xenferry undefine web1` removes it',
    ]);
    expect(host.definitions.get(UUID)).toBeDefined();

    blind.now = false;
    expect(await afterDeparture(host, leaver, ARRIVED)).toEqual([]);
    expect(host.definitions.get(UUID), 'it is still here').toBeDefined();

    await destroyDomain(host, 'web1', never);
    expect(await afterDeparture(host, leaver, ARRIVED)).toEqual([]);
    expect(host.definitions.get(UUID)).toBeUndefined();
  });
});
