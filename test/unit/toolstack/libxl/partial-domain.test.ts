import { describe, expect, it } from 'vitest';
import { ToolstackError } from '../../../../src/errors/errors.js';
import { guestDomid, type Domid } from '../../../../src/toolstack/domid.js';
import { withoutPartialDomain } from '../../../../src/toolstack/libxl/partial-domain.js';
import type { DomainInfo } from '../../../../src/toolstack/toolstack.js';

const UUID = '11111111-2222-4333-8444-555555555555';
const OTHER_UUID = 'aaaaaaaa-2222-4333-8444-555555555555';
const died = new ToolstackError('E_TOOLSTACK_AGENT_DIED', 'the agent died');

function domain(id: number, more: Partial<DomainInfo> = {}): DomainInfo {
  return {
    domid: guestDomid(id),
    uuid: UUID,
    name: `d${id}`,
    state: 'paused',
    memoryKiB: 0,
    maxMemoryKiB: 0,
    vcpus: 0,
    cpuTimeNs: 0n,
    ...more,
  };
}

class Domains {
  readonly destroyed: number[] = [];
  listed: DomainInfo[];
  failing = false;

  constructor(...listed: DomainInfo[]) {
    this.listed = listed;
  }
  list(): Promise<DomainInfo[]> {
    return this.failing ? Promise.reject(new Error('no list')) : Promise.resolve([...this.listed]);
  }
  destroy(id: Domid): Promise<void> {
    this.destroyed.push(id);
    return Promise.resolve();
  }
  /** An agent that makes these, and dies. */
  dyingAfter(...made: DomainInfo[]): () => Promise<Domid> {
    return () => {
      this.listed.push(...made);
      return Promise.reject(died);
    };
  }
}

describe('a domain that was not made whole', () => {
  it('is removed, and the error is that of the making', async () => {
    const domains = new Domains(domain(1, { uuid: OTHER_UUID }));
    await expect(withoutPartialDomain(domains, UUID, domains.dyingAfter(domain(2)))).rejects.toBe(died);
    expect(domains.destroyed).toEqual([2]);
  });

  it.each([
    ['was there before', [domain(2)], []],
    ['is another guest', [], [domain(2, { uuid: OTHER_UUID })]],
    ['runs', [], [domain(2, { state: 'running' })]],
    ['has run', [], [domain(2, { cpuTimeNs: 1n })]],
    ['is going already', [], [domain(2, { state: 'dying' })]],
  ])('what %s is left alone', async (_, before, made) => {
    const domains = new Domains(...before);
    await expect(withoutPartialDomain(domains, UUID, domains.dyingAfter(...made))).rejects.toBe(died);
    expect(domains.destroyed).toEqual([]);
  });

  it('where it cannot be looked for, the error is still that of the making', async () => {
    const domains = new Domains();
    const make = (): Promise<Domid> => {
      domains.failing = true;
      return Promise.reject(died);
    };
    await expect(withoutPartialDomain(domains, UUID, make)).rejects.toBe(died);
  });

  it('one that was made is given back, and stays', async () => {
    const domains = new Domains();
    expect(await withoutPartialDomain(domains, UUID, () => Promise.resolve(guestDomid(3)))).toBe(3);
    expect(domains.destroyed).toEqual([]);
  });
});
