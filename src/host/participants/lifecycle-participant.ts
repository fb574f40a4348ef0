import type { Domain } from '../../domain/model.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { ShutoffReason } from '../registry/run-records.js';

/** A starting domain: every way of starting takes the same steps (facts 2.8, 3.8). */
export interface Starting {
  /** The configuration that it is started with, its name and UUID included. Contains passwords. */
  readonly domain: Domain;
  readonly how: 'booted' | 'restored' | 'migrated';
  /** The operator states that the other holders of its disks' leases are dead. */
  readonly forceLease?: boolean | undefined;
}

/** A domain that has been made and not unpaused yet. */
export interface Started extends Starting {
  readonly info: DomainInfo;
  /** It is to stay paused. */
  readonly paused: boolean;
}

/** A running domain that is found again. */
export interface Reconnecting {
  readonly domain: Domain;
  readonly info: DomainInfo;
}

/** A domain that no longer runs here, or whose start has failed. */
export interface Stopped {
  readonly uuid: string;
  readonly name: string;
  /** Its configuration, if known: a domain that ended by itself may be gone before it could be read. */
  readonly domain: Domain | undefined;
  /** The id that it had; undefined if its start failed before it got one. */
  readonly domid: number | undefined;
  readonly reason: ShutoffReason;
}

/** A change of a domain, by the names of libvirt's lifecycle events (facts 3.9). */
export type LifecycleChange =
  | { readonly event: 'defined'; readonly detail: 'added' | 'updated' | 'renamed' }
  | { readonly event: 'undefined'; readonly detail: 'removed' | 'renamed' }
  | { readonly event: 'started'; readonly detail: 'booted' | 'restored' | 'migrated' | 'wakeup' }
  | { readonly event: 'suspended'; readonly detail: 'paused' | 'migrated' }
  | { readonly event: 'resumed'; readonly detail: 'unpaused' | 'migrated' }
  | { readonly event: 'stopped'; readonly detail: ShutoffReason }
  | { readonly event: 'pmsuspended'; readonly detail: 'memory' }
  | { readonly event: 'crashed'; readonly detail: 'panicked' };

/** A change of a domain, for the participants. */
export interface Changed {
  readonly uuid: string;
  readonly name: string;
  /** Undefined if the domain does not run. */
  readonly domid: number | undefined;
  readonly change: LifecycleChange;
}

/**
 * A part of a host that takes part in the start, run and stop of its domains: hooks, logs, leases, events. Given to the
 * host when it opens; called in that order. Every call is made under the domain's job.
 */
export interface LifecycleParticipant {
  /** For messages. */
  readonly name: string;
  /**
   * A guest is about to arrive from another host. A rejection refuses it.
   * @returns the configuration that it is to run with, with its name and UUID; undefined to leave it unchanged
   */
  arriving?(guest: Domain, signal: AbortSignal): Promise<Domain | undefined>;
  /** Before anything is changed. A rejection vetoes the start. */
  prepare?(starting: Starting, signal: AbortSignal): Promise<void>;
  /** All have prepared, the toolstack is next. A rejection vetoes the start. */
  start?(starting: Starting, signal: AbortSignal): Promise<void>;
  /** The domain exists and has not run yet: a rejection destroys it, with its disks unchanged. */
  started?(started: Started, signal: AbortSignal): Promise<void>;
  /** A running domain was found again by a daemon that has started. A rejection ends the domain. */
  reconnect?(found: Reconnecting, signal: AbortSignal): Promise<void>;
  /** The domain has ended, or its start has failed after `prepare` was called. A rejection is logged. */
  stopped?(stopped: Stopped): Promise<void>;
  /** The last call for this run, after all participants' `stopped`. A rejection is logged. */
  release?(stopped: Stopped): Promise<void>;
  /** A change was made. Must neither throw nor wait. */
  changed?(changed: Changed): void;
}
