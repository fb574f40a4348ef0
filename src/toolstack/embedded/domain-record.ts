import { join } from 'node:path';
import { z } from '../../errors/zod.js';
import { InvariantError, ToolstackError } from '../../errors/errors.js';
import { guestDomid } from '../domid.js';
import type { DomainInfo, DomainState } from '../toolstack.js';
import { readIfThere, replaceFile } from './atomic-file.js';
import { monotonicMs } from './clock.js';
import { transitionSchema } from './history.js';

const recordSchema = z.object({
  format: z.literal(1),
  domid: z.int().positive(),
  uuid: z.string(),
  name: z.string(),
  type: z.enum(['pv', 'pvh', 'hvm']),
  vcpus: z.int().positive(),
  memoryKiB: z.int().positive(),
  maxMemoryKiB: z.int().positive(),
  bornMs: z.number(),
  /** False while it is made or restored; true once, for good. */
  built: z.boolean(),
  /** As in Xen, being paused and being shut down are independent of each other. */
  paused: z.boolean(),
  shutdown: z.enum(['poweroff', 'reboot', 'suspend', 'crash', 'watchdog', 'soft_reset', 'unknown']).nullable(),
  dying: z.boolean(),
  /** Whether written frames are logged, for a save. */
  logDirty: z.boolean(),
  /** Numbers of its processors that are on; absent: the first `vcpus`. */
  online: z.array(z.int().nonnegative()).optional(),
  /** Processors of the host that one of its own is pinned to; absent: all. */
  pins: z.record(z.string(), z.array(z.int().nonnegative())).optional(),
  /** The request that it received while paused, and will follow once it runs. */
  asked: z.enum(['poweroff', 'reboot']).nullable(),
  /** Start of its present run on the monotonic clock, and the tick then; null while it does not run. */
  running: z.object({ sinceMs: z.number(), sinceTick: z.number() }).nullable(),
  /** Run time before that. */
  ranMs: z.number(),
  /** Its last transition, also in the history, unless a process died in between; null before the first. */
  last: transitionSchema.nullable(),
});

/** The state of a domain of an embedded host, except its memory. Immutable; replaced as a whole. */
export type DomainRecord = Readonly<z.infer<typeof recordSchema>>;

function recordPath(folder: string): string {
  return join(folder, 'domain.json');
}

/** The record in a domain's folder; undefined if there is no such domain. */
export function readRecord(folder: string): DomainRecord | undefined {
  const text = readIfThere(recordPath(folder));
  if (text === undefined) return undefined;
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new InvariantError(`${recordPath(folder)} is damaged`, {
      cause,
      hint: 'Remove the folder of that domain: its contents are lost.',
    });
  }
}

/** Writes the record in one step: other processes see the old record or the new one. */
export function writeRecord(folder: string, record: DomainRecord): void {
  replaceFile(recordPath(folder), JSON.stringify(record));
}

/** Its vCPUs execute: it was made, and is neither paused nor shut down. */
export function mayRun(record: DomainRecord): boolean {
  return record.built && !record.paused && record.shutdown === null && !record.dying;
}

function stateOf(record: DomainRecord): DomainState {
  if (record.dying) return 'dying';
  if (record.shutdown !== null) return 'shutdown';
  return record.paused || !record.built ? 'paused' : 'running';
}

/** The domain in the form of the toolstack contract. */
export function infoOf(record: DomainRecord): DomainInfo {
  const ranMs = record.ranMs + (record.running === null ? 0 : Math.max(0, monotonicMs() - record.running.sinceMs));
  const state = stateOf(record);
  return {
    domid: guestDomid(record.domid),
    uuid: record.uuid,
    name: record.name,
    state,
    ...(state === 'shutdown' && record.shutdown !== null ? { shutdownReason: record.shutdown } : {}),
    memoryKiB: record.memoryKiB,
    maxMemoryKiB: record.maxMemoryKiB,
    vcpus: record.vcpus,
    cpuTimeNs: BigInt(Math.round(ranMs * 1e6)),
  };
}

/** The error for a domain that does not exist. */
export function domainGone(domid: number): ToolstackError {
  return new ToolstackError('E_TOOLSTACK_DOMAIN_GONE', `there is no domain ${domid}`, {
    hint: 'It has ended or was destroyed.',
    data: { domid },
  });
}

/** @throws ToolstackError `E_TOOLSTACK_NOT_BUILT` while the domain is made or restored */
export function requireBuilt(record: DomainRecord): void {
  if (record.built) return;
  throw new ToolstackError('E_TOOLSTACK_NOT_BUILT', `domain ${record.domid} (${record.name}) is still being made`, {
    hint: 'Wait until its creation or restore has ended.',
    data: { domid: record.domid },
  });
}
