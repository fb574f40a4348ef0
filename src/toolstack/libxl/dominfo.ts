import { z } from '../../errors/zod.js';
import type { DomainInfo, DomainState, ShutdownReason } from '../toolstack.js';
import { guestDomid } from '../domid.js';
import { parseBigJson } from './big-json.js';
import type { LibxlNative } from './native.js';
import { libxlError, RC_DOMAIN_NOTFOUND, RC_FAIL, RC_OK } from './return-code.js';
import { withStruct } from './with-struct.js';

/** A count that libxl writes with 64 bits. */
const countSchema = z.union([z.int().nonnegative(), z.bigint().nonnegative()]).transform(BigInt);

/** libxl_dominfo as JSON (libxl_types.idl): values of 0 or false are omitted. */
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
  vcpu_max_id: z.int().nonnegative().default(0),
  vcpu_online: z.int().nonnegative().default(0),
});
export type Dominfo = z.infer<typeof dominfoSchema>;

/** As `shutdown_reason` numbers them (libxl_types.idl; sched.h, SHUTDOWN_*). */
const REASONS: readonly ShutdownReason[] = ['poweroff', 'reboot', 'suspend', 'crash', 'watchdog', 'soft_reset'];

/** Parses libxl_dominfo. */
export function parseDominfo(json: string): Dominfo {
  return dominfoSchema.parse(parseBigJson(json));
}

/** Information about any domain, including domain 0; undefined if there is none with that id. @throws ToolstackError */
export async function dominfoOf(native: LibxlNative, id: number): Promise<Dominfo | undefined> {
  return await withStruct(native, 'dominfo', (at) => {
    const rc = native.domainInfo(at, id);
    if (rc === RC_DOMAIN_NOTFOUND) return undefined;
    if (rc !== RC_OK) throw libxlError({ doing: `look at domain ${id}`, rc, log: [], domid: id });
    const json = native.toJson('dominfo', at);
    if (json === undefined) throw libxlError({ doing: `describe domain ${id}`, rc: RC_FAIL, log: [], domid: id });
    return parseDominfo(json);
  });
}

/** The name of a shutdown reason. */
export function shutdownReasonOf(number: number): ShutdownReason {
  return REASONS[number] ?? 'unknown';
}

/** The state of a domain. */
export function stateOf(info: Pick<Dominfo, 'dying' | 'shutdown' | 'paused'>): DomainState {
  if (info.dying) return 'dying';
  if (info.shutdown) return 'shutdown';
  return info.paused ? 'paused' : 'running';
}

/**
 * Xen's value for a domain without a limit: all pages that 32 bits can count, or libxl's «not set» (~0). It is not
 * shown, since it has no meaning for users (S49).
 */
const NO_LIMIT_KIB = 0xffff_ffffn * 4n;

/** Name and maximum of a domain. */
export interface Named {
  readonly name: string | undefined;
  /** From the configuration: not from Xen's limit of the domain, which is higher (S48). */
  readonly maxMemoryKiB: number | undefined;
}

/** A domain in the form of the toolstack contract. @throws RefusedError for domain 0 */
export function toDomainInfo(info: Dominfo, { name, maxMemoryKiB }: Named): DomainInfo {
  const state = stateOf(info);
  return {
    domid: guestDomid(info.domid),
    uuid: info.uuid ?? '00000000-0000-0000-0000-000000000000',
    // A partial domain has no name.
    name: name ?? `(domain ${info.domid})`,
    state,
    ...(state === 'shutdown'
      ? { shutdownReason: REASONS.find((reason) => reason === info.shutdown_reason) ?? 'unknown' }
      : {}),
    memoryKiB: Number(info.current_memkb),
    maxMemoryKiB: maxMemoryKiB ?? Number(info.max_memkb >= NO_LIMIT_KIB ? info.current_memkb : info.max_memkb),
    vcpus: info.vcpu_online,
    cpuTimeNs: info.cpu_time,
  };
}
