import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** What one host needs to prove itself, as PEM texts. */
export interface HostCredentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The name in every one-time certificate; RFC 2606 reserves it, so that it never names a host. */
const NAME = 'xenferry.invalid';
/** Clocks of hosts differ: the certificate is valid from a day before to a day after its creation. */
const SLACK_MS = 86_400_000;

/**
 * A self-signed certificate for one run, on P-256. The peer receives it over ssh and trusts it and nothing else.
 * The DER is encoded here and not by node-forge, which signs with RSA only: two RSA keys and their signatures take
 * half a second in JavaScript, this takes a millisecond. Source: RFC 5280, 4.1; RFC 5480; RFC 5758.
 */
export function makeOneTimeCertificate(now: Date): HostCredentials {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const toBeSigned = sequence(
    der(0xa0, integer(Buffer.of(2))), // version 3
    integer(Buffer.concat([Buffer.of(0x40), randomBytes(15)])),
    ECDSA_SHA256,
    distinguishedName,
    sequence(time(now.getTime() - SLACK_MS), time(now.getTime() + SLACK_MS)),
    distinguishedName,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension(SUBJECT_ALT_NAME, sequence(der(0x82, Buffer.from(NAME, 'latin1')))))),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const certificate = sequence(toBeSigned, ECDSA_SHA256, bitString(signature));
  const base64 = certificate.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  const cert = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
  return { ca: cert, cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Tag, length, value (X.690, 8.1). */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  const long = value.length < 0x80 ? [value.length] : [0x82, value.length >> 8, value.length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...long), value]);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, ...parts);
}

/** Big-endian and positive: its first bit is clear. */
function integer(bytes: Uint8Array): Buffer {
  return der(0x02, bytes);
}

function bitString(bytes: Uint8Array): Buffer {
  return der(0x03, Buffer.of(0), bytes);
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

/** UTCTime: to the second, and valid until 2049 (RFC 5280, 4.1.2.5.1). */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return der(0x17, Buffer.from(text.slice(2), 'latin1'));
}

function extension(id: Buffer, value: Buffer): Buffer {
  return sequence(id, der(0x04, value));
}

/** 1.2.840.10045.4.3.2 */
const ECDSA_SHA256 = sequence(objectId('2a8648ce3d040302'));
/** 2.5.29.17 */
const SUBJECT_ALT_NAME = objectId('551d11');
/** 2.5.4.3 */
const COMMON_NAME = objectId('550403');

const distinguishedName = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(NAME, 'latin1')))));
