import { describe, expect, it } from 'vitest';
import { collisionOf } from '../../../../src/host/registry/collisions.js';
import { knownDomains, pickDomain, type KnownDomain } from '../../../../src/host/registry/known-domain.js';
import { filterDomains, type ListFilter } from '../../../../src/host/registry/list-filter.js';
import { guestDomid } from '../../../../src/toolstack/domid.js';
import type { DomainInfo, DomainState } from '../../../../src/toolstack/toolstack.js';
import { guest } from '../../toolstack/rig.js';

const U = (digit: number): string => `00000000-0000-4000-8000-00000000000${digit}`;

function live(domid: number, name: string, uuid: string, state: DomainState = 'running'): DomainInfo {
  return {
    domid: guestDomid(domid),
    name,
    uuid,
    state,
    ...(state === 'shutdown' ? { shutdownReason: 'crash' as const } : {}),
    memoryKiB: 8192,
    maxMemoryKiB: 8192,
    vcpus: 1,
    cpuTimeNs: 0n,
  };
}

function stored(name: string, uuid: string, autostart = false): NonNullable<KnownDomain['stored']> {
  return { domain: guest({ name, uuid }), autostart };
}

const known = knownDomains({
  infos: [live(3, 'runs', U(1)), live(4, 'paused', U(2), 'paused'), live(5, 'crashed', U(5), 'shutdown')],
  definitions: [stored('runs', U(1), true), stored('off', U(3)), stored('7', U(4), true)],
  hasManagedSave: (uuid) => uuid === U(3),
});

describe('the domains of a host', () => {
  it('are each there once, whether they run, are defined, or both', () => {
    expect(known.map(({ name, info, stored }) => [name, info?.domid, stored !== undefined])).toEqual([
      ['runs', 3, true],
      ['paused', 4, false],
      ['crashed', 5, false],
      ['off', undefined, true],
      ['7', undefined, true],
    ]);
  });

  it.each([
    ['runs', U(1)],
    [U(1).toUpperCase(), U(1)],
    ['3', U(1)],
    ['off', U(3)],
    ['7', U(4)],
  ])('%s is found: an id first, then a UUID, then a name, as virsh does', (ref, uuid) => {
    expect(pickDomain(known, ref)?.uuid).toBe(uuid);
  });

  it('one that is called as another is numbered is found by its UUID, and by its name once that id is free', () => {
    const [three, called] = [live(3, 'runs', U(1)), stored('3', U(6))];
    const both = { infos: [three], definitions: [called], hasManagedSave: () => false };
    expect(pickDomain(knownDomains(both), '3')?.uuid).toBe(U(1));
    expect(pickDomain(knownDomains(both), U(6))?.name).toBe('3');
    expect(pickDomain(knownDomains({ ...both, infos: [] }), '3')?.uuid).toBe(U(6));
  });

  it.each(['8', 'run', '', U(9)])('%j is nobody', (ref) => {
    expect(pickDomain(known, ref)).toBeUndefined();
  });

  it.each<[string, ListFilter, string[]]>([
    ['nothing', {}, ['runs', 'paused', 'crashed']],
    ['--all', { all: true }, ['runs', 'paused', 'crashed', 'off', '7']],
    ['--inactive', { inactive: true }, ['off', '7']],
    ['--persistent', { persistent: true }, ['runs']],
    ['--all --persistent', { all: true, persistent: true }, ['runs', 'off', '7']],
    ['--transient', { transient: true }, ['paused', 'crashed']],
    ['--persistent --transient', { persistent: true, transient: true }, ['runs', 'paused', 'crashed']],
    ['--all --autostart', { all: true, autostart: true }, ['runs', '7']],
    ['--all --no-autostart', { all: true, noAutostart: true }, ['paused', 'crashed', 'off']],
    ['--all --with-managed-save', { all: true, managedSave: true }, ['off']],
    ['--inactive --without-managed-save', { inactive: true, noManagedSave: true }, ['7']],
    ['--state-shutoff', { stateShutoff: true }, ['off', '7']],
    ['--state-running', { stateRunning: true }, ['runs']],
    ['--state-paused --state-other', { statePaused: true, stateOther: true }, ['paused', 'crashed']],
  ])('a list with %s', (_flags, filter, names) => {
    expect(filterDomains(known, filter).map(({ name }) => name)).toEqual(names);
  });
});

describe('a domain that is to be added (facts 2.7)', () => {
  it.each<[string, string, string, boolean, string | undefined]>([
    ['the same UUID, another name', 'new', U(1), false, `domain 'runs' is already defined with uuid ${U(1)}`],
    ['the same, transient', 'new', U(2), true, `domain 'paused' is already defined with uuid ${U(2)}`],
    ['the same UUID and name, active', 'runs', U(1), true, "domain 'runs' is already active"],
    ['the same, only to be defined', 'runs', U(1), false, undefined],
    ['the same UUID and name, inactive and persistent', 'off', U(3), true, undefined],
    ['another UUID, a name that runs', 'runs', U(9), false, `domain 'runs' already exists with uuid ${U(1)}`],
    ['another UUID, a name that is defined', 'off', U(9), true, `domain 'off' already exists with uuid ${U(3)}`],
    ['a name and UUID of its own', 'new', U(9), true, undefined],
  ])('with %s', (_what, name, uuid, checkLive, message) => {
    expect(collisionOf({ name, uuid }, known, checkLive)?.message).toBe(message);
  });

  it('while the old one is going', () => {
    const going = knownDomains({
      infos: [live(3, 'old', U(1), 'dying')],
      definitions: [],
      hasManagedSave: () => false,
    });
    expect(collisionOf({ name: 'old', uuid: U(1) }, going, true)).toMatchObject({
      code: 'E_REFUSED_BEING_REMOVED',
      message: "domain 'old' is already being removed",
    });
  });

  it('keeps both names of a domain that runs under another name than it is defined with', () => {
    const renamed = knownDomains({
      infos: [live(3, 'here', U(1))],
      definitions: [stored('there', U(1))],
      hasManagedSave: () => false,
    });
    expect(collisionOf({ name: 'here', uuid: U(2) }, renamed, false)?.code).toBe('E_REFUSED_NAME_TAKEN');
    expect(collisionOf({ name: 'there', uuid: U(2) }, renamed, false)?.code).toBe('E_REFUSED_NAME_TAKEN');
    expect(collisionOf({ name: 'there', uuid: U(1) }, renamed, false)).toBeUndefined();
  });
});
