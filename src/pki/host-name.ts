import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { UsageError } from '../errors/errors.js';

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_NAME_CHARS = 253;

/** A name that a certificate can be valid for. */
export interface HostName {
  readonly kind: 'dns' | 'ip';
  readonly value: string;
}

/**
 * Checks one --host: a DNS name without wildcards, or an IP address without zone. One beyond ASCII becomes its `xn--`
 * form (RFC 5891), as a destination's does. Throws `E_USAGE_HOST`.
 */
export function parseHostName(text: string): HostName {
  const value = (/^[\x20-\x7e]*$/.test(text) ? text : domainToASCII(text)).toLowerCase();
  const version = isIP(value);
  if (version !== 0) {
    if (value.includes('%') || (version === 6 && value.includes('.'))) throw unusable(text);
    return { kind: 'ip', value };
  }
  const labels = value.split('.');
  const last = labels.at(-1) ?? '';
  const good = value.length <= MAX_NAME_CHARS && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(last);
  if (!good) throw unusable(text);
  return { kind: 'dns', value };
}

/** ASN.1's PrintableString, and X.520's bound of a common name. */
const AUTHORITY_NAME = /^[A-Za-z0-9 '()+,\-./:=?]{1,64}$/;

/** Checks an authority's name. Throws `E_USAGE_NAME`. */
export function parseAuthorityName(text: string): string {
  if (AUTHORITY_NAME.test(text) && text.trim() === text) return text;
  throw new UsageError('E_USAGE_NAME', `--name ${JSON.stringify(text)} cannot be put in a certificate`, {
    hint: "Use 1 to 64 of: letters, digits, space and '()+,-./:=?",
    data: { name: text },
  });
}

/** All names of one certificate: at least one, each once. */
export function parseHostNames(texts: readonly string[]): HostName[] {
  const names = new Map(texts.map(parseHostName).map((name) => [name.value, name]));
  if (names.size === 0) {
    throw new UsageError('E_USAGE_HOST', 'a certificate needs at least one host name or address', {
      hint: 'Give --host once for each name and address by which the host is dialled.',
    });
  }
  return [...names.values()];
}

function unusable(text: string): UsageError {
  return new UsageError('E_USAGE_HOST', `--host ${JSON.stringify(text)}: neither a DNS name nor an IP address`, {
    hint: 'Wildcards and address zones are not possible.',
    data: { host: text },
  });
}
