import type { BeyondXml } from '../domain/libxl-json/beyond-xml.js';
import type { Domain } from '../domain/model.js';
import type { DomainInfo } from '../toolstack/toolstack.js';

/** A guest, as the journal names it. */
export interface NamedGuest {
  readonly uuid: string;
  readonly name: string;
}

/** Requests of a source in addition to the guest's arrival. */
export interface PrepareOptions {
  /** The definition to store for the guest; undefined: none. */
  readonly definition: Domain | undefined;
  /** Admit it although a check fails that may be overridden. */
  readonly unsafe: boolean;
  /** The source's name for itself. */
  readonly from: string;
  /** Its identity, authenticated by the transport. */
  readonly peer: string;
  /** Fields of the toolstack's own configuration that the domain does not contain and that may affect this host. */
  readonly reaching: readonly BeyondXml[];
}

/** A guest that may arrive. */
export interface Admitted {
  /** Its configuration, with the requested name and UUID. */
  readonly domain: Domain;
  /** An operator's script has changed it: the toolstack gets the domain only. */
  readonly isXmlOnly: boolean;
}

/**
 * The steps of a host for arriving guests, in addition to receiving them. Every call is made under the guest's reservation; after
 * `prepare` follows either `committed` or `refused`, again after a restart if it is unknown whether it was called.
 */
export interface ArrivalHooks {
  /**
   * There is less free memory than the guest needs: frees some, if this host may. Whether there is enough then is
   * checked again. A rejection contains the reason.
   * @param neededKiB its need, and the reservations of others
   */
  makeRoom(guest: Domain, neededKiB: number, promisedKiB: number, signal: AbortSignal): Promise<void>;
  /**
   * Before anything is changed. A rejection refuses the guest; nothing of it is left then.
   * @param guest its configuration
   */
  prepare(guest: Domain, options: PrepareOptions, signal: AbortSignal): Promise<Admitted>;
  /** The guest is complete, paused and under its name; nothing is decided. A rejection refuses it. */
  restored(guest: Domain, info: DomainInfo, signal: AbortSignal): Promise<void>;
  /**
   * The source has released the guest, whose copy here is complete: exclusive resources are ours from now on. Nothing is
   * decided yet; `refused` gives it back. A rejection refuses the guest.
   */
  claim(guest: NamedGuest, migration: string, signal: AbortSignal): Promise<void>;
  /** It has been decided that the guest is ours; it has not run yet. Never rejects. */
  committed(guest: NamedGuest): Promise<void>;
  /** It runs, or stays paused as requested. Never throws. */
  arrived(info: DomainInfo, running: boolean): void;
  /** Nothing of it is left here. `domid` is the id that it had. Never rejects. */
  refused(guest: NamedGuest, domid: number | undefined): Promise<void>;
  /** Whether this host keeps a definition of the guest. */
  isPersistent(uuid: string): boolean;
}
