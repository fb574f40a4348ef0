import forge from 'node-forge';
import { TunnelError } from '../errors/errors.js';

const { asn1, util } = forge;

const OID_CRL_NUMBER = '2.5.29.20';

/** Age of a list of revoked certificates. */
export interface RevocationDate {
  /** When it was made (thisUpdate). */
  readonly at: Date;
  /** CRL number, which rises from list to list; absent in lists of old authorities. */
  readonly number: bigint | undefined;
}

/**
 * Reads a list's date and number. Layout: RFC 5280 section 5.1. The signature is not checked here; OpenSSL checks it.
 * @param pem one list; its length was bounded when the file was read
 * @throws TunnelError `E_TUNNEL_CREDENTIALS_DAMAGED`
 */
export function readRevocationDate(pem: string, path: string): RevocationDate {
  try {
    const der = util.decode64(pem.split('-----')[2].replaceAll(/\s/g, ''));
    const [list] = childrenOf(asn1.fromDer(der));
    const fields = childrenOf(list);
    const time = fields.find(({ type }) => type === asn1.Type.UTCTIME || type === asn1.Type.GENERALIZEDTIME);
    if (time === undefined) throw new Error('it has no date');
    const text = textOf(time);
    const at = time.type === asn1.Type.UTCTIME ? asn1.utcTimeToDate(text) : asn1.generalizedTimeToDate(text);
    const extensions = fields.filter(({ tagClass }) => tagClass === asn1.Class.CONTEXT_SPECIFIC).flatMap(childrenOf);
    return { at, number: numberIn(extensions.flatMap(childrenOf)) };
  } catch (cause) {
    throw new TunnelError('E_TUNNEL_CREDENTIALS_DAMAGED', `${path} is not a list of revoked certificates`, {
      cause,
      hint: 'Copy crl.pem from the authority again.',
      data: { path },
    });
  }
}

function numberIn(extensions: readonly forge.asn1.Asn1[]): bigint | undefined {
  for (const extension of extensions) {
    const parts = childrenOf(extension);
    if (asn1.derToOid(util.createBuffer(textOf(parts[0]))) !== OID_CRL_NUMBER) continue;
    const octets = parts.at(-1);
    if (octets === undefined) return undefined;
    // 20 octets at most (section 5.2.3).
    const hex = util.bytesToHex(textOf(asn1.fromDer(textOf(octets))).slice(0, 20));
    return BigInt(`0x${hex}`);
  }
  return undefined;
}

function childrenOf({ value }: forge.asn1.Asn1): forge.asn1.Asn1[] {
  return Array.isArray(value) ? value : [];
}

/** The bytes of a primitive value; forge parses the content of an OCTET STRING that looks like DER. */
function textOf(node: forge.asn1.Asn1): string {
  if (typeof node.value === 'string') return node.value;
  return node.value.map((part) => asn1.toDer(part).getBytes()).join('');
}
