import { createPublicKey } from 'node:crypto';
import forge from 'node-forge';
import { openAuthority } from '../../src/pki/authority-dir.js';
import { makeKey, validForDays } from '../../src/pki/certificate.js';
import type { TlsCredentials } from '../../src/tunnel/tls-credentials.js';

/** As an authority signs people: a common name that could be a host's, and no name of a host. */
export async function personNamed(commonName: string, caDir: string): Promise<TlsCredentials> {
  const authority = openAuthority(caDir);
  const key = await makeKey();
  const certificate = forge.pki.createCertificate();
  const publicPem = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicPem);
  certificate.serialNumber = '0a';
  Object.assign(certificate.validity, validForDays(1, new Date()));
  certificate.setSubject([{ shortName: 'CN', value: commonName }]);
  certificate.setIssuer(forge.pki.certificateFromPem(authority.cert).subject.attributes);
  certificate.setExtensions([
    { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    { name: 'subjectAltName', altNames: [{ type: 1, value: 'person@example.org' }] },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(authority.key), forge.md.sha256.create());
  return { ca: authority.cert, cert: forge.pki.certificateToPem(certificate), key };
}
