import { z } from 'zod';
import type { DomainInfo, DomainState, ShutdownReason } from '../toolstack.js';
import { guestDomid } from '../domid.js';
import { parseBigJson } from './big-json.js';

/** A count that libxl writes with 64 bits. */
const countSchema = z.union([z.int().nonnegative(), z.bigint().nonnegative()]).transform(BigInt);

/** libxl_dominfo as JSON (libxl_types.idl): what is 0 or false is left out. */
const dominfoSchema = z.object({
  uuid: z.guid().optional(),
  domid: z.int().nonnegative().default(0),
  paused: z.boolean().default(false),
  shutdown: z.boolean().default(false),
  dying: z.boolean().default(false),
  shutdown_reason: z.string().default('unknown'),
  current_memkb: countSchema.default(0n),
  outstanding_memkb: countSchema.default(0n),
  max_memkb: countSchema.default(0n),
  cpu_time: countSchema.default(0n),
  vcpu_online: z.int().nonnegative().default(0),
});
export type Dominfo = z.infer<typeof dominfoSchema>;

/** As `shutdown_reason` numbers them (libxl_types.idl; sched.h, SHUTDOWN_*). */
const REASONS: readonly ShutdownReason[] = ['poweroff', 'reboot', 'suspend', 'crash', 'watchdog', 'soft_reset'];

export function parseDominfo(json: string): Dominfo {
  return dominfoSchema.parse(parseBigJson(json));
}

export function shutdownReasonOf(number: number): ShutdownReason {
  return REASONS[number] ?? 'unknown';
}

export function stateOf(info: Pick<Dominfo, 'dying' | 'shutdown' | 'paused'>): DomainState {
  if (info.dying) return 'dying';
  if (info.shutdown) return 'shutdown';
  return info.paused ? 'paused' : 'running';
}

export interface Named {
  readonly name: string | undefined;
  /** From the configuration: never from what Xen would let the domain have, which is more (S48). */
  readonly maxMemoryKiB: number | undefined;
}

/** A domain as the contract knows it. @throws RefusedError for domain 0 */
export function toDomainInfo(info: Dominfo, { name, maxMemoryKiB }: Named): DomainInfo {
  const state = stateOf(info);
  return {
    domid: guestDomid(info.domid),
    uuid: info.uuid ?? '00000000-0000-0000-0000-000000000000',
    // A domain that is half made or half gone has none.
    name: name ?? `(domain ${info.domid})`,
    state,
    ...(state === 'shutdown'
      ? { shutdownReason: REASONS.find((reason) => reason === info.shutdown_reason) ?? 'unknown' }
      : {}),
    memoryKiB: Number(info.current_memkb),
    maxMemoryKiB: maxMemoryKiB ?? Number(info.max_memkb),
    vcpus: info.vcpu_online,
    cpuTimeNs: info.cpu_time,
  };
}
