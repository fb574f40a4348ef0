import { ProtocolError } from '../errors/errors.js';

/** The peer that began something: its name, and the public key if the transport has one (journals of older versions have none). */
export interface Beginner {
  readonly peer: string | undefined;
  readonly key?: string | undefined;
}

/** The present peer. */
export interface Comer {
  readonly peer: string;
  readonly key?: string | undefined;
  /** Whether it may continue, by its name alone, what another key of that name began: after a renewal, or a lost key. */
  readonly isKnownByName?: boolean;
}

/**
 * Whether the present peer is the one that began: by its key, or by its name alone if the keys differ.
 * If a key is unknown, only the name is compared.
 */
export function relationOf(begun: Beginner, comer: Comer): 'same' | 'by name' | 'other' {
  if (begun.peer !== undefined && begun.peer !== comer.peer) return 'other';
  if (begun.key === undefined || comer.key === undefined || begun.key === comer.key) return 'same';
  return comer.isKnownByName === true ? 'by name' : 'other';
}

/** For a log: one key continues what another began. */
export function takenOver(migration: string, begun: Beginner, comer: Comer): string {
  return `${comer.peer} asks about migration ${migration} by its name alone: it was begun with key ${begun.key ?? 'unknown'}, and its key is ${comer.key ?? 'unknown'} now`;
}

/** @param what such as "migration ID" */
export function notYours(what: string, begun: Beginner): ProtocolError {
  return new ProtocolError('E_PROTOCOL_NOT_YOURS', `${what} was begun by another peer`, {
    hint: `Ask as ${begun.peer ?? 'the host that began it'}: over the same transport, with the same key, or a renewed certificate of a name in the destination's allow.`,
  });
}
