import { sign } from 'node:crypto';
import forge from 'node-forge';
import type { Authority } from './certificate.js';

const { asn1, pki } = forge;

const OID_SHA256_RSA = '1.2.840.113549.1.1.11';
const OID_CRL_NUMBER = '2.5.29.20';
const OID_AUTHORITY_KEY = '2.5.29.35';

/** One revoked certificate. */
export interface Revoked {
  /** As in the certificate, hexadecimal. */
  readonly serial: string;
  readonly at: Date;
}

/**
 * A certificate revocation list, version 2, PEM. Layout: RFC 5280 section 5.1. It is valid for as long as
 * the authority, so that a list that is not renewed does not lock every host out.
 * @param number rises from list to list (section 5.2.3)
 */
export function makeRevocationList(
  authority: Authority,
  revoked: readonly Revoked[],
  number: number,
  now: Date,
): string {
  const issuer = pki.certificateFromPem(authority.cert);
  const algorithm = sequence([oid(OID_SHA256_RSA), primitive(asn1.Type.NULL, '')]);
  const entries = revoked.map(({ serial, at }) => sequence([integer(serial), time(at)]));
  const list = sequence([
    integer('01'), // version 2
    algorithm,
    pki.distinguishedNameToAsn1({ attributes: issuer.subject.attributes }),
    time(now),
    time(issuer.validity.notAfter),
    // The list of entries is left out when there is none (section 5.1.2.6).
    ...(entries.length === 0 ? [] : [sequence(entries)]),
    tagged0([
      sequence([
        extension(OID_AUTHORITY_KEY, sequence([keyIdentifier(issuer)])),
        extension(OID_CRL_NUMBER, integer(number.toString(16))),
      ]),
    ]),
  ]);
  const signature = sign('sha256', Buffer.from(asn1.toDer(list).getBytes(), 'binary'), authority.key);
  const signed = sequence([list, algorithm, primitive(asn1.Type.BITSTRING, `\0${signature.toString('binary')}`)]);
  const body = Buffer.from(asn1.toDer(signed).getBytes(), 'binary').toString('base64');
  return `-----BEGIN X509 CRL-----\n${body.replace(/.{1,64}/g, '$&\n')}-----END X509 CRL-----\n`;
}

function extension(id: string, value: forge.asn1.Asn1): forge.asn1.Asn1 {
  return sequence([oid(id), primitive(asn1.Type.OCTETSTRING, asn1.toDer(value).getBytes())]);
}

function keyIdentifier(issuer: forge.pki.Certificate): forge.asn1.Asn1 {
  const id = issuer.generateSubjectKeyIdentifier().getBytes();
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, asn1.Type.NONE, false, id);
}

/** GeneralizedTime from 2050 on, UTCTime before (section 5.1.2.4). */
function time(at: Date): forge.asn1.Asn1 {
  return at.getUTCFullYear() < 2050
    ? primitive(asn1.Type.UTCTIME, asn1.dateToUtcTime(at))
    : primitive(asn1.Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(at));
}

function integer(hex: string): forge.asn1.Asn1 {
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  // A set top bit would make it negative.
  const bytes = Buffer.from(/^[89a-f]/.test(even) ? `00${even}` : even, 'hex');
  return primitive(asn1.Type.INTEGER, bytes.toString('binary'));
}

function oid(dotted: string): forge.asn1.Asn1 {
  return primitive(asn1.Type.OID, asn1.oidToDer(dotted).getBytes());
}

function primitive(type: forge.asn1.Type, value: string): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, type, false, value);
}

function sequence(value: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, value);
}

/** The context tag [0]. */
function tagged0(value: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, asn1.Type.NONE, true, value);
}
