import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRecord, type DomainRecord } from '../../src/toolstack/embedded/domain-record.js';
import { transitionSchema, type Transition } from '../../src/toolstack/embedded/history.js';

interface Interval {
  readonly host: string;
  readonly domid: number;
  readonly from: number;
  /** Infinity while it runs. */
  readonly to: number;
}

/**
 * Every transition of a host, in the order of each domain, each once. Those that a process committed
 * but died before writing down are in the domains' own records.
 */
export function historyOf(hostDir: string): Transition[] {
  const path = join(hostDir, 'history.jsonl');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  const written = lines.filter((line) => line !== '').map((line) => transitionSchema.parse(JSON.parse(line)));
  const seen = new Set<string>();
  return [...written, ...lastOfRecords(hostDir)].filter(({ n, bornMs, domid }) => {
    const key = `${n} ${bornMs} ${domid}`;
    return !seen.has(key) && seen.add(key);
  });
}

function lastOfRecords(hostDir: string): Transition[] {
  return recordsOf(hostDir).flatMap(({ last }) => (last === null ? [] : [last]));
}

function recordsOf(hostDir: string): DomainRecord[] {
  const domains = join(hostDir, 'domains');
  if (!existsSync(domains)) return [];
  return readdirSync(domains).flatMap((name) => readRecord(join(domains, name)) ?? []);
}

function runs(hostDir: string): Map<string, Interval[]> {
  const byUuid = new Map<string, Interval[]>();
  const running = new Map<number, { uuid: string; from: number }>();
  const close = (domid: number, to: number): void => {
    const open = running.get(domid);
    if (open === undefined) return;
    running.delete(domid);
    byUuid.set(open.uuid, [...(byUuid.get(open.uuid) ?? []), { host: hostDir, domid, from: open.from, to }]);
  };
  for (const { event, domid, uuid, mono } of historyOf(hostDir)) {
    if (event === 'run' && !running.has(domid)) running.set(domid, { uuid, from: mono });
    else if (event === 'stop' || event === 'destroy') close(domid, mono);
  }
  for (const domid of [...running.keys()]) close(domid, Infinity);
  return byUuid;
}

/** Fails if at any instant more than one copy of any guest ran, on these hosts together. */
export function assertNeverTwice(hostDirs: readonly string[]): void {
  const all = new Map<string, Interval[]>();
  for (const dir of hostDirs) {
    for (const [uuid, intervals] of runs(dir)) all.set(uuid, [...(all.get(uuid) ?? []), ...intervals]);
  }
  for (const [uuid, intervals] of all) {
    const sorted = [...intervals].sort((one, other) => one.from - other.from);
    for (let index = 1; index < sorted.length; index += 1) {
      const [before, after] = [sorted[index - 1], sorted[index]];
      if (after.from < before.to) {
        throw new Error(
          `${uuid} ran twice: on ${before.host} from ${before.from} to ${before.to}, on ${after.host} from ${after.from}`,
        );
      }
    }
  }
}

export type Whereabouts = 'running' | 'paused' | 'suspended' | 'shutdown' | 'building' | 'dying';

/** The copies of a guest that there are now, and on which host each is. */
export function whereIs(uuid: string, hostDirs: readonly string[]): { host: string; state: Whereabouts }[] {
  return hostDirs.flatMap((host) =>
    recordsOf(host)
      .filter((record) => record.uuid === uuid)
      .map((record) => ({ host, state: whereabouts(record) })),
  );
}

function whereabouts(record: DomainRecord): Whereabouts {
  if (record.dying) return 'dying';
  if (!record.built) return 'building';
  if (record.shutdown !== null) return record.shutdown === 'suspend' ? 'suspended' : 'shutdown';
  return record.paused ? 'paused' : 'running';
}
