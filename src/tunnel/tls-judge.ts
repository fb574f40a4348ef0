import { checkServerIdentity } from 'node:tls';
import { TunnelError } from '../errors/errors.js';
import type { PeerIdentity } from './peer-identity.js';
import type { ShownPeer } from './shown-peer.js';
import type { TlsDialerOptions } from './tls-options.js';
import { ALPN, hostPort, identityOf, nameOf } from './tls-names.js';
import { certificateError, certificateMissing, certificateNameless } from './tls-verdict.js';

export type Judgement =
  { readonly peer: PeerIdentity } | { readonly refused: TunnelError; readonly subject?: string | undefined };

const WRONG_HOST = 'ERR_TLS_CERT_ALTNAME_INVALID';

/**
 * Whether a client gets in: only with a certificate of the authority that names a host.
 * @param client its address and port, for people
 */
export function judgeClient({ certificate, verdict, protocol }: ShownPeer, client: string): Judgement {
  if (certificate === undefined) return { refused: certificateMissing(client) };
  const subject = nameOf(certificate.subject);
  const whose = `the certificate of ${client}`;
  if (verdict !== undefined) return { refused: certificateError(verdict, whose, certificate), subject };
  if (protocol !== ALPN) {
    const problem = `${client} does not say that it speaks ${ALPN}`;
    const hint = 'Dial with xenferry; compare the versions on both hosts.';
    return { refused: new TunnelError('E_TUNNEL_NOT_XENFERRY', problem, { hint }), subject };
  }
  const peer = identityOf(certificate, client);
  return peer === undefined ? { refused: certificateNameless(whose, certificate), subject } : { peer };
}

/** The one gate of a dialler: no link without a certificate that our authority signed and that is for this host. Throws why not. */
export function judgeServer({ certificate, verdict, protocol }: ShownPeer, to: TlsDialerOptions): PeerIdentity {
  const target = hostPort(to.host, to.port);
  const whose = `the certificate of ${target}`;
  if (certificate === undefined) throw certificateMissing(target);
  if (verdict !== undefined) throw certificateError(verdict, whose, certificate);
  const peer = identityOf(certificate, target);
  if (peer === undefined) throw certificateNameless(whose, certificate);
  if (to.expectedFingerprint === undefined) {
    const named = to.expectedHost ?? to.host;
    const mismatch = checkServerIdentity(named, certificate);
    if (mismatch !== undefined) throw certificateError(WRONG_HOST, whose, certificate, named);
  } else if (certificate.fingerprint256 !== to.expectedFingerprint) {
    throw certificateError(WRONG_HOST, whose, certificate, to.expectedFingerprint);
  }
  if (protocol !== ALPN) {
    throw new TunnelError('E_TUNNEL_NOT_XENFERRY', `what answers at ${target} is not xenferry`, {
      hint: 'Check the port: another TLS server listens there.',
    });
  }
  return peer;
}
