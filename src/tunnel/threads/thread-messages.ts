import { carriedCode } from '../../errors/codes.js';
import { ProtocolError, TunnelError, XenferryError, type ErrorData } from '../../errors/errors.js';
import { codeOf, messageOf } from '../../errors/message-of.js';
import type { FrameType } from '../frame.js';
import type { KeepaliveOptions } from '../keepalive.js';
import type { PeerIdentity } from '../peer-identity.js';
import { PeerRefusal, type Refusal } from '../refusal.js';
import type { TlsCredentials } from '../tls-credentials.js';
import type { TlsDialerOptions } from '../tls-options.js';

/*
 * Messages between the main thread and a thread with links. Both are this program: nothing is checked.
 * Every message is about one link, by number, but for those to the gates and `stop`.
 */

/** A frame on its way between threads. A DATA payload is handed over, or lies in shared memory. */
export interface ThreadFrame {
  readonly type: FrameType;
  readonly sequence: number;
  readonly offset: number;
  readonly payload: Uint8Array;
}

/** Messages to a thread. */
export type ToThread = BeginOrder | LinkOrder;

/** What brings a link into being. */
export type BeginOrder =
  /** What the connections of one port are judged by, from now on. A thread has a gate for each port, told apart by number. */
  | {
      readonly do: 'gate';
      readonly gate: number;
      readonly credentials: TlsCredentials;
      readonly handshakeMs?: number | undefined;
      readonly keepalive?: KeepaliveOptions | undefined;
    }
  /** A connection that has come in, of which nothing was read; the thread owns the descriptor. */
  | { readonly do: 'accept'; readonly id: number; readonly gate: number; readonly fd: number; readonly client: string }
  /** This port takes no more connections. Those that it has taken live on. */
  | { readonly do: 'shut'; readonly gate: number }
  /** A connection to a server, on which nothing was sent, for a thread that cannot dial; likewise. */
  | {
      readonly do: 'secure';
      readonly id: number;
      readonly fd: number;
      readonly to: TlsDialerOptions;
      readonly handshakeMs: number;
      readonly keepalive: KeepaliveOptions;
    }
  | {
      readonly do: 'dial';
      readonly id: number;
      readonly to: TlsDialerOptions;
      readonly keepalive: KeepaliveOptions;
    }
  | { readonly do: 'destroy'; readonly id: number }
  /** Closes everything and ends the thread. */
  | { readonly do: 'stop' };

/** Messages to an existing link. */
export type LinkOrder =
  | { readonly do: 'open' | 'answer'; readonly id: number; readonly payload: Uint8Array }
  | { readonly do: 'refuse'; readonly id: number; readonly refusal: Refusal }
  | { readonly do: 'send'; readonly id: number; readonly frame: ThreadFrame }
  /** So many bytes of received frames were consumed, headers included; these slots of payloads are not used any more. */
  | { readonly do: 'more'; readonly id: number; readonly bytes: number; readonly unused: readonly ArrayBuffer[] }
  | { readonly do: 'close'; readonly id: number; readonly deadlineMs?: number | undefined };

/** Messages from a thread. */
export type FromThread =
  | { readonly tell: 'linked'; readonly id: number; readonly peer: PeerIdentity }
  | {
      readonly tell: 'refused';
      readonly gate: number;
      readonly address: string;
      readonly subject?: string | undefined;
      readonly error: ThreadError;
    }
  /** The peer's OPEN. */
  | { readonly tell: 'opened'; readonly id: number; readonly payload: Uint8Array }
  | { readonly tell: 'frame'; readonly id: number; readonly frame: ThreadFrame }
  /** A frame given to `send` is with the connection: so many bytes, as they were given. */
  | { readonly tell: 'sent'; readonly id: number; readonly bytes: number }
  /** The peer has said goodbye. */
  | { readonly tell: 'bye'; readonly id: number }
  /** The link has failed. */
  | { readonly tell: 'failed'; readonly id: number; readonly error: ThreadError }
  /** Its connection is closed: the last word on it. */
  | { readonly tell: 'gone'; readonly id: number };

/** An error as another thread can see it. */
export interface ThreadError {
  readonly kind: 'refusal' | 'tunnel' | 'protocol' | 'other';
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly data?: ErrorData;
  readonly cause?: string | undefined;
}

export function toThreadError(error: unknown): ThreadError {
  const kind =
    error instanceof PeerRefusal
      ? 'refusal'
      : error instanceof TunnelError
        ? 'tunnel'
        : error instanceof ProtocolError
          ? 'protocol'
          : 'other';
  const known = error instanceof XenferryError ? { hint: error.hint, data: error.data } : {};
  const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : undefined;
  const message = error instanceof Error ? error.message : messageOf(error);
  return { kind, code: codeOf(error), message, cause, ...known };
}

export function fromThreadError({ kind, code, message, hint, data, cause }: ThreadError): XenferryError {
  const details = {
    hint,
    ...(data === undefined ? {} : { data }),
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
  };
  switch (kind) {
    case 'refusal':
      return new PeerRefusal(carriedCode(code), message, details);
    case 'tunnel':
      return new TunnelError(carriedCode(code), message, details);
    case 'protocol':
      return new ProtocolError(carriedCode(code), message, details);
    case 'other':
      return new XenferryError(code, message, details);
  }
}
