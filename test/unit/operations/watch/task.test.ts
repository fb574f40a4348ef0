import { describe, expect, it } from 'vitest';
import type { RunRecord } from '../../../../src/host/registry/run-records.js';
import { taskOf } from '../../../../src/operations/watch/settle-domain.js';
import type { DomainSnapshot } from '../../../../src/operations/watch/domain-snapshot.js';
import { guestDomid } from '../../../../src/toolstack/domid.js';
import type { DomainInfo } from '../../../../src/toolstack/toolstack.js';

const about = { version: 1, name: 'web', at: '2026-01-01T00:00:00.000Z' } as const;
const runs: RunRecord = { ...about, state: 'running', reason: 'booted', domid: 5 };
const off: RunRecord = { ...about, state: 'shutoff', reason: 'shutdown' };
const info = (changes: Partial<DomainInfo> = {}): DomainInfo => ({
  domid: guestDomid(5),
  uuid: 'u',
  name: 'web',
  state: 'running',
  memoryKiB: 1,
  maxMemoryKiB: 1,
  vcpus: 1,
  cpuTimeNs: 0n,
  ...changes,
});
const crashed = info({ state: 'shutdown', shutdownReason: 'crash' });
const seen = (changes: Partial<DomainSnapshot>): DomainSnapshot => ({
  uuid: 'u',
  info: undefined,
  note: undefined,
  isDefined: false,
  isMoving: false,
  moved: undefined,
  ...changes,
});

describe('what is to be done for a domain', () => {
  it.each<[string, Partial<DomainSnapshot>, unknown]>([
    ['it runs as noted', { info: info(), note: runs }, { do: 'nothing' }],
    ['it is not there and nobody thinks so', { note: off, isDefined: true }, { do: 'nothing' }],
    ['S23: it has gone', { note: runs }, { do: 'clean', reason: 'destroyed', domid: 5 }],
    [
      'it has gone, by a migration that nobody came to tell of',
      { note: runs, moved: { way: 'went', domid: 5 } },
      { do: 'clean', reason: 'migrated' },
    ],
    [
      'it has gone, in a run after the one that left',
      { note: runs, moved: { way: 'went', domid: 4 } },
      { do: 'clean', reason: 'destroyed' },
    ],
    [
      'F3: it was being started again by a process that died',
      { note: { ...off, restarting: true }, isDefined: true },
      { do: 'restart' },
    ],
    ['and has been undefined since', { note: { ...off, restarting: true } }, { do: 'nothing' }],
    ['S23: it has another id', { info: info({ domid: guestDomid(9) }), note: runs }, { do: 'note' }],
    ['it is defined, and somebody else started it', { info: info(), isDefined: true }, { do: 'note' }],
    ['another program made it', { info: info() }, { do: 'nothing' }],
    ['another program made it, and it crashed', { info: crashed }, { do: 'nothing' }],
    ['it came, and nobody noted it', { info: info(), moved: { way: 'came', domid: 5 } }, { do: 'note-arrival' }],
    ['it came once, and this is another run', { info: info(), moved: { way: 'came', domid: 3 } }, { do: 'nothing' }],
    ['its guest crashed', { info: crashed, note: runs }, { do: 'act' }],
    ['its guest crashed before anybody noted its run', { info: crashed, note: off, isDefined: true }, { do: 'act' }],
    ['its crash was dealt with', { info: crashed, note: { ...off, domid: 5 } }, { do: 'nothing' }],
    ['it crashed again in a later run', { info: crashed, note: { ...off, domid: 4 } }, { do: 'act' }],
    [
      'it is being saved',
      { info: info({ state: 'shutdown', shutdownReason: 'suspend' }), note: runs },
      { do: 'nothing' },
    ],
    ['it is dying', { info: info({ state: 'dying' }), note: runs }, { do: 'nothing' }],
    ['its migration has not settled: that decides', { info: crashed, note: runs, isMoving: true }, { do: 'nothing' }],
    ['it has gone while its migration is in doubt', { note: runs, isMoving: true }, { do: 'nothing' }],
  ])('%s', (_, snapshot, task) => {
    expect(taskOf(seen(snapshot))).toMatchObject(task as object);
  });
});
