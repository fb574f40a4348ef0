import { TunnelError } from '../errors/errors.js';

const NETWORK_HINT = 'Check the network between the hosts and that the far host is up.';

/** Keepalive received nothing for too long (F7, F9). */
export function linkSilent(address: string, forMs: number): TunnelError {
  return new TunnelError('E_TUNNEL_SILENT', `nothing heard from ${address} for ${(forMs / 1000).toFixed(1)} s`, {
    hint: NETWORK_HINT,
    data: { forMs },
  });
}

/** The connection failed under us (F6). */
export function linkLost(address: string, cause: Error): TunnelError {
  return new TunnelError('E_TUNNEL_LOST', `the connection to ${address} broke`, { cause, hint: NETWORK_HINT });
}

/** End of file without a goodbye (F30). */
export function linkCut(address: string, midFrame: boolean): TunnelError {
  const where = midFrame ? ' in the middle of a frame' : '';
  return new TunnelError('E_TUNNEL_CUT', `the connection to ${address} ended${where}, without a goodbye`, {
    hint: 'The far process died or something between the hosts cut the connection: see the log of the far host.',
  });
}

/** This side ended it, or the peer has sent BYE. */
export function linkClosed(address: string): TunnelError {
  return new TunnelError('E_TUNNEL_CLOSED', `the connection to ${address} has been closed`);
}
