import type { BeyondXml } from '../domain/libxl-json/beyond-xml.js';
import type { Domain } from '../domain/model.js';
import type { DomainInfo } from '../toolstack/toolstack.js';

/** A guest, as the journal names it. */
export interface NamedGuest {
  readonly uuid: string;
  readonly name: string;
}

/** What a source asks of the destination in addition to the guest's arrival. */
export interface PrepareOptions {
  /** What is to be kept of the guest beyond its runs; undefined: nothing new. */
  readonly definition: Domain | undefined;
  /** Take it in although a check says no that may be overridden. */
  readonly unsafe: boolean;
  /** The source's name for itself. */
  readonly from: string;
  /** Who the transport says it is. */
  readonly peer: string;
  /** What the toolstack's own configuration of the guest says beyond the guest's domain, and may reach this host. */
  readonly reaching: readonly BeyondXml[];
}

/** A guest that may come in. */
export interface Admitted {
  /** What it shall run as, with the name and UUID that were asked for. */
  readonly domain: Domain;
  /** An operator's script has had its say: the domain is all that the toolstack is given. */
  readonly isXmlOnly: boolean;
}

/**
 * What a host does for guests that come in, in addition to receiving them. Every call is made under the guest's reservation; after
 * `prepare` comes either `committed` or `refused`, after a restart once more where it is not known whether it came.
 */
export interface ArrivalHooks {
  /**
   * There is less free memory than the guest needs: makes some free, where that is for us to do. Whether there is enough then is
   * looked at again. A rejection says why there is not.
   * @param neededKiB what it needs, and what was promised to others
   */
  makeRoom(guest: Domain, neededKiB: number, promisedKiB: number, signal: AbortSignal): Promise<void>;
  /**
   * Before anything is touched. A rejection refuses the guest; nothing of it is left then.
   * @param guest what it would run as
   */
  prepare(guest: Domain, options: PrepareOptions, signal: AbortSignal): Promise<Admitted>;
  /** The guest is whole, paused and under its name; nothing is decided. A rejection refuses it. */
  restored(guest: Domain, info: DomainInfo, signal: AbortSignal): Promise<void>;
  /**
   * The source has let go of the guest, whose copy here is whole: what only one of the two may hold is ours from now on. Nothing is
   * decided yet; `refused` gives it back. A rejection refuses the guest.
   */
  claim(guest: NamedGuest, migration: string, signal: AbortSignal): Promise<void>;
  /** It has been decided that the guest is ours; it has not run yet. Never rejects. */
  committed(guest: NamedGuest): Promise<void>;
  /** It runs, or stays paused as it was asked for. Never throws. */
  arrived(info: DomainInfo, running: boolean): void;
  /** Nothing of it is left here. `domid` is the id that it had. Never rejects. */
  refused(guest: NamedGuest, domid: number | undefined): Promise<void>;
  /** Whether this host keeps a definition of the guest. */
  isPersistent(uuid: string): boolean;
}
