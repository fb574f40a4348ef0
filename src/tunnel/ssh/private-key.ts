import ssh2, { type ParsedKey } from 'ssh2';
import { messageOf } from '../../errors/message-of.js';
import { fromPkcs8, pkcs8Kind } from './pkcs8.js';

/** OpenSSH's own format for private keys, PROTOCOL.key of OpenSSH. */
const OPENSSH_PEM = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/;
const OPENSSH_MAGIC = 'openssh-key-v1\0';
/** OpenSSH encrypts a key with it on request; ssh2 supports it for connections only, and takes any passphrase for a wrong one. */
const UNREAD_CIPHER = 'chacha20-poly1305@openssh.com';
/** The public part of a key: RSA of 16384 bits has 2 KiB. */
const MAX_PUBLIC_BYTES = 8 * 1024;

/** A private key's text, read without its passphrase. */
export type LockedOrOpen =
  | { readonly kind: 'open'; readonly key: ParsedKey }
  /** Encrypted. The public part is there where the format has it in the clear. */
  | { readonly kind: 'locked'; readonly publicKey?: ParsedKey }
  | { readonly kind: 'unusable'; readonly reason: string };

/** Reads a private key: OpenSSH's format, PEM or PKCS #8. */
export function readPrivateKey(text: string): LockedOrOpen {
  const pkcs8 = pkcs8Kind(text);
  if (pkcs8 === 'encrypted') return { kind: 'locked' };
  const parsed = pkcs8 === undefined ? parse(text) : parsePkcs8(text);
  if (!(parsed instanceof Error)) {
    if (parsed.isPrivateKey()) return { kind: 'open', key: parsed };
    return { kind: 'unusable', reason: 'it is a public key' };
  }
  // ssh2 reports an encrypted key by its message only.
  if (!parsed.message.includes('no passphrase given')) return { kind: 'unusable', reason: parsed.message };
  const clear = clearPart(text);
  if (clear?.cipher === UNREAD_CIPHER) return { kind: 'unusable', reason: `it is encrypted with ${clear.cipher}` };
  return { kind: 'locked', ...(clear?.publicKey === undefined ? {} : { publicKey: clear.publicKey }) };
}

/** The key, opened; undefined when the passphrase is not the right one. */
export function unlockPrivateKey(text: string, passphrase: string): ParsedKey | undefined {
  const parsed = pkcs8Kind(text) === undefined ? parse(text, passphrase) : parsePkcs8(text, passphrase);
  return parsed instanceof Error || !parsed.isPrivateKey() ? undefined : parsed;
}

/** A public key as in a `.pub` file; undefined if invalid. */
export function readPublicKey(text: string): ParsedKey | undefined {
  const parsed = parse(text);
  return parsed instanceof Error || parsed.isPrivateKey() ? undefined : parsed;
}

function parsePkcs8(text: string, passphrase?: string): ParsedKey | Error {
  try {
    return parse(fromPkcs8(text, passphrase));
  } catch (error) {
    return new Error(`it cannot be read: ${messageOf(error)}`);
  }
}

function parse(text: string | Buffer, passphrase?: string): ParsedKey | Error {
  try {
    // ssh2 returns an array for some formats, contrary to its types.
    const parsed: unknown = ssh2.utils.parseKey(text, passphrase);
    const first: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
    if (first instanceof Error) return first;
    return isParsedKey(first) ? first : new Error('the file holds no key');
  } catch (error) {
    return error instanceof Error ? error : new Error('the key cannot be read');
  }
}

function isParsedKey(value: unknown): value is ParsedKey {
  return typeof value === 'object' && value !== null && 'isPrivateKey' in value && 'getPublicSSH' in value;
}

/**
 * The cipher and public key that an encrypted file in OpenSSH's format has in the clear: magic, then the strings
 * ciphername, kdfname and kdfoptions, uint32 number of keys, string public key.
 */
function clearPart(text: string): { readonly cipher: string; readonly publicKey?: ParsedKey } | undefined {
  const base64 = OPENSSH_PEM.exec(text);
  if (base64 === null) return undefined;
  const data = Buffer.from(base64[1], 'base64');
  if (data.toString('latin1', 0, OPENSSH_MAGIC.length) !== OPENSSH_MAGIC) return undefined;
  let at = OPENSSH_MAGIC.length;
  const string = (): Buffer | undefined => {
    if (at + 4 > data.length) return undefined;
    const length = data.readUInt32BE(at);
    if (length > MAX_PUBLIC_BYTES || at + 4 + length > data.length) return undefined;
    at += 4 + length;
    return data.subarray(at - length, at);
  };
  const cipher = string()?.toString('latin1');
  if (cipher === undefined || string() === undefined || string() === undefined) return undefined;
  if (at + 4 > data.length || data.readUInt32BE(at) !== 1) return undefined;
  at += 4;
  const blob = string();
  const key = blob === undefined ? undefined : parse(blob);
  return { cipher, ...(key === undefined || key instanceof Error ? {} : { publicKey: key }) };
}
