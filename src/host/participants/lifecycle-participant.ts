import type { Domain } from '../../domain/model.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { ShutoffReason } from '../registry/run-records.js';

/** A domain on its way up: by whatever way it comes, the same steps are taken (facts 2.8, 3.8). */
export interface Starting {
  /** What it will run as; also for its name and UUID. Has passwords in it. */
  readonly domain: Domain;
  readonly how: 'booted' | 'restored' | 'migrated';
  /** A person says that whoever else has its disks is dead. */
  readonly forceLease?: boolean | undefined;
}

export interface Started extends Starting {
  readonly info: DomainInfo;
  /** It is meant to stay paused. */
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
  /** What it ran as, where that is known: a domain that ended by itself may be gone before anybody could look. */
  readonly domain: Domain | undefined;
  /** The id that it had; undefined where its start failed before it got one. */
  readonly domid: number | undefined;
  readonly reason: ShutoffReason;
}

/** What happened to a domain, in the names of libvirt's lifecycle events (facts 3.9). */
export type LifecycleChange =
  | { readonly event: 'defined'; readonly detail: 'added' | 'updated' | 'renamed' }
  | { readonly event: 'undefined'; readonly detail: 'removed' | 'renamed' }
  | { readonly event: 'started'; readonly detail: 'booted' | 'restored' | 'migrated' }
  | { readonly event: 'suspended'; readonly detail: 'paused' | 'migrated' }
  | { readonly event: 'resumed'; readonly detail: 'unpaused' | 'migrated' }
  | { readonly event: 'stopped'; readonly detail: ShutoffReason }
  | { readonly event: 'crashed'; readonly detail: 'panicked' };

export interface Changed {
  readonly uuid: string;
  readonly name: string;
  /** Undefined where the domain does not run. */
  readonly domid: number | undefined;
  readonly change: LifecycleChange;
}

/**
 * Something of a host's that goes along when its domains start, run and stop: hooks, logs, leases, events. Given to the host when
 * it opens; called in that order. Every call is made under the domain's job.
 */
export interface LifecycleParticipant {
  /** For messages. */
  readonly name: string;
  /**
   * A guest is about to come in from another host. A rejection refuses it.
   * @returns what it shall run as and nothing else, with its name and UUID; undefined where it has no say
   */
  arriving?(guest: Domain, signal: AbortSignal): Promise<Domain | undefined>;
  /** Before anything is touched. A rejection vetoes the start. */
  prepare?(starting: Starting, signal: AbortSignal): Promise<void>;
  /** All have prepared, the toolstack is next. A rejection vetoes the start. */
  start?(starting: Starting, signal: AbortSignal): Promise<void>;
  /** The domain is there and has not run yet: a rejection ends it again, and its disks are as they were. */
  started?(started: Started, signal: AbortSignal): Promise<void>;
  /** A running domain was found again by a daemon that has started. A rejection ends the domain. */
  reconnect?(found: Reconnecting, signal: AbortSignal): Promise<void>;
  /** The domain has ended, or its start has failed after `prepare` was called. A rejection is logged. */
  stopped?(stopped: Stopped): Promise<void>;
  /** The last call for this run, after everybody's `stopped`. A rejection is logged. */
  release?(stopped: Stopped): Promise<void>;
  /** Something has happened. Must not throw, nor wait. */
  changed?(changed: Changed): void;
}
