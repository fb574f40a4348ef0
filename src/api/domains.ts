import { define, undefine } from '../operations/definition/define.js';
import { setAutostart as autostart } from '../operations/lifecycle/autostart.js';
import { createDomain as create } from '../operations/lifecycle/create.js';
import { dumpXml } from '../operations/lifecycle/details.js';
import { domainState as stateOf, type StateAndReason } from '../operations/lifecycle/domain-state.js';
import { listDomains as list, type ListedDomain } from '../operations/lifecycle/list.js';
import { resumeDomain as resume, suspendDomain as suspend } from '../operations/lifecycle/pause.js';
import {
  destroyDomain as destroy,
  destroyGracefully,
  rebootDomain as reboot,
  resetDomain as reset,
  shutdownDomain as shutdown,
  type PowerMode,
} from '../operations/lifecycle/power.js';
import { start } from '../operations/lifecycle/start.js';
import type { ListFilter } from '../host/registry/list-filter.js';
import { runningDomain, type DomainState, type RunningDomain } from './options/running-domain.js';
import { RefusedError } from '../errors/errors.js';
import { signalOf, type CallOptions, type DomainRef } from './options/calls.js';
import type { Host } from './options/host.js';
import { localHost } from './process/local-host.js';

export type { CallOptions, DomainRef, DomainState, ListedDomain, ListFilter, PowerMode, RunningDomain, StateAndReason };

const refOf = ({ uuid, name }: DomainRef): DomainRef => ({ uuid, name });

/** The domains of a host, and why definitions that cannot be read are missing. */
export interface DomainList {
  readonly domains: readonly ListedDomain[];
  readonly damaged: readonly { readonly uuid: string; readonly error: Error }[];
}

/** The domains that run, or those that the filter lets through (`{ all: true }`: every one). */
export async function listDomains(host: Host, filter: ListFilter & CallOptions = {}): Promise<DomainList> {
  const { domains, damaged } = await list(localHost(host), filter);
  return { domains, damaged };
}

/**
 * The domain with this name, UUID or id, running or not.
 * @throws RefusedError `E_REFUSED_NO_DOMAIN`
 */
export async function findDomain(host: Host, domain: string, options: CallOptions = {}): Promise<ListedDomain> {
  const { uuid } = await localHost(host).findKnown(domain, options.signal);
  const { domains } = await list(localHost(host), { all: true });
  const found = domains.find((one) => one.uuid === uuid);
  if (found !== undefined) return found;
  throw new RefusedError('E_REFUSED_NO_DOMAIN', `no domain '${domain}' on this host`, {
    hint: 'It has ended, or left, since it was found.',
  });
}

/** The domain's state and the reason for it, in libvirt's terms. @throws RefusedError `E_REFUSED_NO_DOMAIN` */
export async function domainState(host: Host, domain: string): Promise<StateAndReason> {
  return await stateOf(localHost(host), domain);
}

/** The domain as XML: the running configuration, or with `inactive` its definition. Without passwords. @throws RefusedError `E_REFUSED_NO_DOMAIN` */
export async function domainXml(
  host: Host,
  domain: string,
  options: { readonly inactive?: boolean } = {},
): Promise<string> {
  return await dumpXml(localHost(host), domain, options);
}

export interface DefineOptions extends CallOptions {
  /** Refuse what the schema does not define, instead of keeping it with a warning; default: false. */
  readonly validate?: boolean | undefined;
}

/** A definition that was stored. */
export interface Defined extends DomainRef {
  readonly change: 'added' | 'updated';
  readonly warnings: readonly string[];
}

/** Stores a definition, new or in place of the one that the domain has. What runs is not changed. @throws UsageError, RefusedError */
export async function defineDomain(host: Host, xml: string, options: DefineOptions = {}): Promise<Defined> {
  const request = { validate: options.validate === true, signal: signalOf(options) };
  const { domain, change, warnings } = await define(localHost(host), xml, request);
  return { uuid: domain.uuid, name: domain.name, change, warnings };
}

/** Forgets a definition; a domain that runs runs on. @throws RefusedError */
export async function undefineDomain(
  host: Host,
  domain: string,
  options: CallOptions & {
    /** Delete its saved state as well; default: false, and one that has a saved state is refused. */
    readonly managedSave?: boolean;
  } = {},
): Promise<DomainRef> {
  const request = { managedSave: options.managedSave === true, signal: signalOf(options) };
  return refOf(await undefine(localHost(host), domain, request));
}

export interface StartOptions extends CallOptions {
  /** Do not let it run yet; default: false. */
  readonly paused?: boolean | undefined;
  /** Take its disks' leases from a host that is dead for good; default: false. See docs/guides/leases.md. */
  readonly forceLease?: boolean | undefined;
}

/** A domain that was created. */
export interface Created extends RunningDomain {
  readonly warnings: readonly string[];
}

/** Creates a domain from domain XML and unpauses it. On failure nothing is left. @throws UsageError, RefusedError */
export async function createDomain(
  host: Host,
  xml: string,
  options: StartOptions & DefineOptions = {},
): Promise<Created> {
  const { info, warnings } = await create(localHost(host), xml, {
    paused: options.paused === true,
    forceLease: options.forceLease,
    validate: options.validate === true,
    signal: signalOf(options),
  });
  return { ...runningDomain(info), warnings };
}

/** A started domain, and where it started from. */
export interface Started extends RunningDomain {
  readonly from: 'boot' | 'managed-save';
}

/** Starts a defined domain, from its saved state if it has one. @throws RefusedError */
export async function startDomain(
  host: Host,
  domain: string,
  options: StartOptions & {
    /** Boot it, and delete its saved state; default: false. */
    readonly forceBoot?: boolean;
    readonly onEvent?: Parameters<typeof start>[2]['onEvent'];
  } = {},
): Promise<Started> {
  const { info, from } = await start(localHost(host), domain, {
    paused: options.paused === true,
    forceBoot: options.forceBoot === true,
    forceLease: options.forceLease,
    signal: signalOf(options),
    onEvent: options.onEvent ?? (() => undefined),
  });
  return { ...runningDomain(info), from };
}

/** Whether the domain starts with its host. @throws RefusedError `E_REFUSED_TRANSIENT` */
export async function setAutostart(
  host: Host,
  domain: string,
  isOn: boolean,
  options: CallOptions = {},
): Promise<DomainRef> {
  return refOf(await autostart(localHost(host), domain, isOn, signalOf(options)));
}

export interface PowerOptions extends CallOptions {
  /** Ways in which the guest may be asked; default: all that it has. */
  readonly modes?: readonly PowerMode[] | undefined;
}

/** Asks a guest to shut down; `by` is how. It has not stopped yet when this resolves. @throws RefusedError, ToolstackError */
export async function shutdownDomain(
  host: Host,
  domain: string,
  options: PowerOptions = {},
): Promise<DomainRef & { readonly by: PowerMode }> {
  const { uuid, name, by } = await shutdown(localHost(host), domain, options.modes ?? [], signalOf(options));
  return { uuid, name, by };
}

/** Asks a guest to reboot. @throws as `shutdownDomain` */
export async function rebootDomain(host: Host, domain: string, options: PowerOptions = {}): Promise<DomainRef> {
  return refOf(await reboot(localHost(host), domain, options.modes ?? [], signalOf(options)));
}

/** Presses the reset button of an HVM guest. @throws RefusedError */
export async function resetDomain(host: Host, domain: string, options: CallOptions = {}): Promise<DomainRef> {
  return refOf(await reset(localHost(host), domain, signalOf(options)));
}

export interface DestroyOptions extends CallOptions {
  /** Ask its guest to shut down and wait for that, within the deadline `callMs`; default: false. */
  readonly graceful?: boolean | undefined;
}

/** Ends a domain at once. @throws RefusedError; DeadlineError `E_DEADLINE_SHUTDOWN` if it is to be graceful */
export async function destroyDomain(host: Host, domain: string, options: DestroyOptions = {}): Promise<DomainRef> {
  const driver = localHost(host);
  return refOf(
    options.graceful === true
      ? await destroyGracefully(driver, domain, driver.deadlines.callMs, signalOf(options))
      : await destroy(driver, domain, signalOf(options)),
  );
}

/** Stops a domain's processors. @throws RefusedError `E_REFUSED_STATE` */
export async function suspendDomain(host: Host, domain: string, options: CallOptions = {}): Promise<DomainRef> {
  return refOf(await suspend(localHost(host), domain, signalOf(options)));
}

/** Lets a paused domain run. @throws RefusedError `E_REFUSED_STATE`, `E_REFUSED_IN_DOUBT` */
export async function resumeDomain(host: Host, domain: string, options: CallOptions = {}): Promise<DomainRef> {
  return refOf(await resume(localHost(host), domain, signalOf(options)));
}
