import { isAbsolute } from 'node:path';
import { ProtocolError } from '../../errors/errors.js';

/*
 * Before frames flow on the standard streams of `xenferry receive`, each side sends one line:
 *
 *   dialler:  XENFERRY-DIAL {"version":1}            or with "tls":{"ca":PEM}
 *   receiver: XENFERRY-RECEIVE {"version":1,"socket":PATH}   or also with "tls":{"port":N,"ca":PEM,"fingerprint":HEX}
 *
 * The lines show that the remote program runs and is xenferry, which output of a login shell to skip
 * before it, where its further links go, and they swap the one-time authorities of the TLS lanes.
 */

/** Raised when the lines change in a way that an older peer does not understand. */
export const GREETING_VERSION = 1;
/** A line with a certificate has 2 KiB. */
export const MAX_GREETING_BYTES = 16 * 1024;
/** What a login shell may print before the receiver's line. */
export const MAX_NOISE_BYTES = 64 * 1024;

export const DIAL_MARK = 'XENFERRY-DIAL ';
export const RECEIVE_MARK = 'XENFERRY-RECEIVE ';

/** The limit of a Unix socket's path (sun_path, unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;
const MAX_PEM_CHARS = 8 * 1024;

/** The dialler's half of the greeting over ssh (PROTOCOL.md). */
export interface DialGreeting {
  /** The authority of the dialler's one-time certificate, if it requests TLS lanes. */
  readonly tls?: { readonly ca: string };
}

/** The receiver's half of the greeting over ssh (PROTOCOL.md). */
export interface ReceiveGreeting {
  /** Unix socket at the far host that takes further links to the same process. */
  readonly socket: string;
  /** Address for TLS lanes, with its one-time certificate. */
  readonly tls?: { readonly port: number; readonly ca: string; readonly fingerprint: string };
}

/** The dialler's greeting as a line, with its mark. */
export function dialLine(greeting: DialGreeting): string {
  return `${DIAL_MARK}${JSON.stringify({ version: GREETING_VERSION, ...greeting })}\n`;
}

/** The receiver's greeting as a line, with its mark. */
export function receiveLine(greeting: ReceiveGreeting): string {
  return `${RECEIVE_MARK}${JSON.stringify({ version: GREETING_VERSION, ...greeting })}\n`;
}

/** Reads the dialler's line, without its mark. @throws ProtocolError `E_PROTOCOL_GREETING*` */
export function readDialLine(json: string): DialGreeting {
  const body = readBody(json, 'dialler');
  const tls = 'tls' in body ? body.tls : undefined;
  if (tls === undefined) return {};
  if (!isObject(tls) || !('ca' in tls)) throw damaged('dialler', 'tls');
  return { tls: { ca: readPem(tls.ca, 'dialler') } };
}

/** Reads the receiver's line, without its mark. @throws ProtocolError `E_PROTOCOL_GREETING*` */
export function readReceiveLine(json: string): ReceiveGreeting {
  const body = readBody(json, 'receiver');
  const socket = 'socket' in body ? body.socket : undefined;
  if (typeof socket !== 'string' || !isAbsolute(socket) || Buffer.byteLength(socket) > MAX_SOCKET_PATH_BYTES) {
    throw damaged('receiver', 'socket');
  }
  const tls = 'tls' in body ? body.tls : undefined;
  if (tls === undefined) return { socket };
  if (!isObject(tls)) throw damaged('receiver', 'tls');
  const { port, ca, fingerprint }: { port?: unknown; ca?: unknown; fingerprint?: unknown } = tls;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw damaged('receiver', 'tls.port');
  }
  if (typeof fingerprint !== 'string' || !/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/.test(fingerprint)) {
    throw damaged('receiver', 'tls.fingerprint');
  }
  return { socket, tls: { port, ca: readPem(ca, 'receiver'), fingerprint } };
}

function readBody(json: string, who: string): object {
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch {
    throw damaged(who, 'JSON');
  }
  if (!isObject(body)) throw damaged(who, 'JSON');
  const version = 'version' in body ? body.version : undefined;
  if (version === GREETING_VERSION) return body;
  throw new ProtocolError('E_PROTOCOL_GREETING_VERSION', `the ${who} speaks another version of the ssh greeting`, {
    hint: 'Bring both hosts to the same release of xenferry.',
    data: { ours: GREETING_VERSION, theirs: typeof version === 'number' ? version : null },
  });
}

function readPem(value: unknown, who: string): string {
  const whole = /^-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/;
  if (typeof value === 'string' && value.length <= MAX_PEM_CHARS && whole.test(value)) return value;
  throw damaged(who, 'tls.ca');
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function damaged(who: string, field: string): ProtocolError {
  return new ProtocolError('E_PROTOCOL_GREETING', `the ${who}'s ssh greeting is damaged: ${field}`, {
    hint: 'Check that both hosts run xenferry, and that nothing else writes to its standard output.',
    data: { field },
  });
}
