import { createPrivateKey, createPublicKey, generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import forge from 'node-forge';
import type { HostName } from './host-name.js';

const generate = promisify(generateKeyPair);

/** 128-bit strength, for keys that are used for years: NIST SP 800-57. */
const AUTHORITY_KEY_BITS = 3072;
/** 112-bit strength, for keys that are used for at most a year; a third of the cost of a handshake. */
export const HOST_KEY_BITS = 2048;

/** Hosts' clocks differ: a certificate is valid from shortly before its creation. */
const CLOCK_SLACK_MS = 5 * 60_000;
const DAY_MS = 86_400_000;
const SERIAL_BYTES = 16;

/** An authority: PEM texts of its certificate and its private key. */
export interface Authority {
  readonly cert: string;
  readonly key: string;
}

/** The period in which a certificate is valid. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A private key as PKCS#8 PEM, made off the main thread. */
export async function makeKey(bits = HOST_KEY_BITS): Promise<string> {
  const { privateKey } = await generate('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return privateKey;
}

/** Valid from now (less the allowance for clock differences) for the given number of days. */
export function validForDays(days: number, now: Date): Validity {
  return {
    notBefore: new Date(now.getTime() - CLOCK_SLACK_MS),
    notAfter: new Date(now.getTime() + days * DAY_MS),
  };
}

/**
 * A new self-signed authority (RFC 5280: CA, may sign certificates and revocation lists, no
 * intermediates). The name is a PrintableString: see `parseAuthorityName`.
 */
export async function makeAuthority(
  name: string,
  validity: Validity,
  keyBits = AUTHORITY_KEY_BITS,
): Promise<Authority> {
  const key = await makeKey(keyBits);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicPem(key));
  certificate.serialNumber = randomSerial();
  setValidity(certificate, validity);
  const subject = nameAttributes(name);
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(key), forge.md.sha256.create());
  return { cert: pemOf(certificate), key };
}

/**
 * A certificate for one host, usable as server and as client, signed by the authority. It never
 * is valid for longer than the authority.
 * @param publicKey SPKI PEM, or the private key's PEM
 */
export function signHost(
  authority: Authority,
  publicKey: string,
  hosts: readonly HostName[],
  validity: Validity,
): { readonly cert: string; readonly serial: string } {
  const issuer = forge.pki.certificateFromPem(authority.cert);
  const notAfter = new Date(Math.min(validity.notAfter.getTime(), issuer.validity.notAfter.getTime()));
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicPem(publicKey));
  certificate.serialNumber = randomSerial();
  setValidity(certificate, { notBefore: validity.notBefore, notAfter });
  certificate.setSubject(nameAttributes(hosts[0].value));
  certificate.setIssuer(issuer.subject.attributes);
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true },
    { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    { name: 'subjectAltName', altNames: hosts.map(altName) },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: issuer.generateSubjectKeyIdentifier().getBytes() },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(authority.key), forge.md.sha256.create());
  return { cert: pemOf(certificate), serial: certificate.serialNumber };
}

/** With the line endings of the other PEM files on the host. */
function pemOf(certificate: forge.pki.Certificate): string {
  return forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
}

function publicPem(key: string): string {
  const source = key.includes('PRIVATE KEY') ? createPublicKey(createPrivateKey(key)) : createPublicKey(key);
  return source.export({ type: 'spki', format: 'pem' }).toString();
}

function setValidity(certificate: forge.pki.Certificate, validity: Validity): void {
  certificate.validity.notBefore = validity.notBefore;
  certificate.validity.notAfter = validity.notAfter;
}

/** CN is limited by X.520 (ub-common-name); peers check the alternative names, which are not limited. */
function nameAttributes(name: string): forge.pki.CertificateField[] {
  return [
    { shortName: 'O', value: 'xenferry' },
    { shortName: 'CN', value: name.slice(0, 64) },
  ];
}

function altName(host: HostName): { type: number; value?: string; ip?: string } {
  return host.kind === 'ip' ? { type: 7, ip: host.value } : { type: 2, value: host.value };
}

/** Positive, so that its DER needs no padding, and never zero. */
function randomSerial(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = (bytes[0] & 0x3f) | 0x40;
  return bytes.toString('hex');
}
