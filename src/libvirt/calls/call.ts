import { RefusedError, UsageError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import type { KnownDomain } from '../../host/registry/known-domain.js';
import type { ImpactFlags } from '../../operations/definition/impact.js';
import type { Arguments, ProcedureName, Result } from '../wire/procedures.js';
import type { WireDomain } from '../wire/types.js';

/** Who a client is: one that may do everything, one that may look, or a host that may only migrate. */
export type Role = 'admin' | 'reader' | 'peer';

/** What a call may use. */
export interface CallContext {
  readonly host: Host;
  readonly role: Role;
  /** Fires when the client is gone or the server ends. */
  readonly signal: AbortSignal;
}

export type Handler<N extends ProcedureName> = (
  args: Arguments<N>,
  context: CallContext,
) => Result<N> | Promise<Result<N>>;

/** What is done for the procedures that need nothing but the host; the connection's own are the session's. */
export type Handlers = { readonly [N in ProcedureName]?: Handler<N> };

/** Every procedure checks its flags: a bit that it does not know is refused, as libvirt does. @throws UsageError `E_USAGE_LIBVIRT_FLAGS` */
export function checkFlags(flags: number, known = 0): void {
  const rest = (flags & ~known) >>> 0;
  if (rest === 0) return;
  throw new UsageError('E_USAGE_LIBVIRT_FLAGS', `unsupported flags (0x${rest.toString(16)})`, {
    hint: 'Leave the option out, or use the command of xenferry itself.',
  });
}

/** VIR_DOMAIN_AFFECT_*. */
export const AFFECT = { live: 1, config: 2 } as const;

/** What the flags say a change is for. */
export function impactFlags(flags: number): ImpactFlags {
  return {
    live: (flags & AFFECT.live) !== 0,
    config: (flags & AFFECT.config) !== 0,
    current: (flags & (AFFECT.live | AFFECT.config)) === 0,
  };
}

/** The text of a UUID of 16 bytes. */
export function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The 16 bytes of a UUID. */
export function uuidBytesOf(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

/** A domain as messages name it. */
export function wireDomain(known: {
  readonly name: string;
  readonly uuid: string;
  readonly id?: number | undefined;
}): WireDomain {
  return { name: known.name, uuid: uuidBytesOf(known.uuid), id: known.id ?? -1 };
}

/** The same of a known domain, running or not. */
export function wireKnown({ name, uuid, info }: KnownDomain): WireDomain {
  return wireDomain({ name, uuid, id: info?.domid });
}

/** The UUID of the domain that a call is about: that alone names it, as with libvirtd. */
export function refOf({ uuid }: WireDomain): string {
  return uuidOf(uuid);
}

/** @throws RefusedError `E_REFUSED_NO_DOMAIN` */
export function findKnown({ host, signal }: CallContext, domain: WireDomain): Promise<KnownDomain> {
  return host.findKnown(refOf(domain), signal);
}

/** For an unsupported request. @param hint the supported way */
export function unsupported(what: string, hint?: string): RefusedError {
  return new RefusedError('E_REFUSED_UNSUPPORTED', what, { hint });
}
