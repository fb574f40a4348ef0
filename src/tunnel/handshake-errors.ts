import { TunnelError } from '../errors/errors.js';

/** How long connecting and the handshake may take, together, where nothing else is said. */
export const CONNECT_MS = 10_000;
/** How long a client may take for its handshake, where nothing else is said. */
export const HANDSHAKE_MS = 10_000;

const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
]);

/** What a server says, or what comes in place of TLS, where another program answers. */
const OTHER_PROGRAM: ReadonlySet<string> = new Set([
  'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
  'ERR_SSL_WRONG_VERSION_NUMBER',
]);

/** Connecting took too long. @param target HOST:PORT */
export function connectTimeout(target: string, ms: number): TunnelError {
  return new TunnelError('E_TUNNEL_UNREACHABLE', `no answer from ${target} within ${seconds(ms)}`, {
    hint: 'Check the address, that the host is up, and that no firewall drops the port.',
  });
}

/** Something took the connection, and did not do its part of the handshake. */
export function dialHandshakeTimeout(target: string, ms: number): TunnelError {
  return new TunnelError('E_TUNNEL_HANDSHAKE', `${target} did not finish the TLS handshake within ${seconds(ms)}`, {
    hint: 'Something answers there, but it may not be `xenferry serve`.',
  });
}

/**
 * Connecting, or the handshake with a server, has failed.
 * @param error with Node's code for it
 * @param address that was connected to
 */
export function dialFailed(target: string, error: Error, address: string | null): TunnelError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (UNREACHABLE.has(code)) {
    return new TunnelError('E_TUNNEL_UNREACHABLE', `${target} cannot be reached`, {
      cause: error,
      hint: 'Check the address and port, and that `xenferry serve` runs there.',
      data: { target, errno: code },
    });
  }
  const other = OTHER_PROGRAM.has(code);
  return new TunnelError(
    other ? 'E_TUNNEL_NOT_XENFERRY' : 'E_TUNNEL_HANDSHAKE',
    other ? `what answers at ${target} is not xenferry` : `the TLS handshake with ${target} failed`,
    {
      cause: error,
      hint: 'Check that `xenferry serve` listens on that port, and with a certificate.',
      data: { target, address },
    },
  );
}

/** A client has not got through its handshake. */
export function clientHandshakeFailed(client: string, cause: Error): TunnelError {
  return new TunnelError('E_TUNNEL_HANDSHAKE', `${client} did not finish the TLS handshake`, {
    cause,
    hint: 'Something that is not xenferry, or an old version of it, dials this port.',
  });
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
