import { createHmac, timingSafeEqual } from 'node:crypto';
import { matchesPatternList } from './host-pattern.js';

/** A longest line that makes sense: many names and one RSA key of 16384 bits. */
const MAX_LINE_CHARS = 64 * 1024;
/** Longest key blob that is decoded; RSA of 16384 bits has 2 KiB. */
const MAX_KEY_BYTES = 8 * 1024;
const SHA1_BYTES = 20;

/** One entry of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHost {
  readonly path: string;
  readonly lineNumber: number;
  readonly marker: 'none' | 'revoked' | 'cert-authority';
  readonly names: HostNames;
  /** Such as `ssh-ed25519`; the blob contains it, too. */
  readonly keyType: string;
  /** The public key in wire format (RFC 4253, 6.6). */
  readonly key: Buffer;
}

type HostNames =
  | { readonly kind: 'patterns'; readonly patterns: readonly string[] }
  | { readonly kind: 'hashed'; readonly salt: Buffer; readonly hash: Buffer };

/** All entries of some known_hosts files, in order. */
export interface KnownHosts {
  readonly entries: readonly KnownHost[];
  /** The files that were checked, existing or not; new keys go into the first. */
  readonly paths: readonly string[];
  /** Lines that could not be read, as sentences with file and line. They never make a key known. */
  readonly notices: readonly string[];
}

/** Reads known_hosts files. Lines that break the format are left out, with a notice, as OpenSSH does. */
export function parseKnownHosts(files: readonly { readonly path: string; readonly text: string }[]): KnownHosts {
  const entries: KnownHost[] = [];
  const notices: string[] = [];
  for (const { path, text } of files) {
    text.split('\n').forEach((raw, index) => {
      const line = raw.trim();
      if (line === '' || line.startsWith('#')) return;
      const read = line.length > MAX_LINE_CHARS ? 'the line is too long' : parseLine(line, path, index + 1);
      if (typeof read === 'string') notices.push(`${path}:${index + 1}: ${read}; the line is not used`);
      else entries.push(read);
    });
  }
  return { entries, paths: files.map((file) => file.path), notices };
}

function parseLine(line: string, path: string, lineNumber: number): KnownHost | string {
  const fields = line.split(/[ \t]+/);
  let marker: KnownHost['marker'] = 'none';
  if (line.startsWith('@')) {
    const text = fields.shift();
    if (text === '@revoked') marker = 'revoked';
    else if (text === '@cert-authority') marker = 'cert-authority';
    else return `unknown marker ${text ?? ''}`;
  }
  if (fields.length < 3) return 'names, key type and key are expected';
  const [names, keyType, base64] = fields;
  const hostNames = parseNames(names);
  if (typeof hostNames === 'string') return hostNames;
  const key = decodeKey(base64);
  if (key === undefined || keyTypeOf(key) !== keyType) return `the key is not a ${keyType} key`;
  return { path, lineNumber, marker, names: hostNames, keyType, key };
}

function parseNames(text: string): HostNames | string {
  if (!text.startsWith('|')) return { kind: 'patterns', patterns: text.toLowerCase().split(',') };
  const parts = text.split('|');
  if (parts.length !== 4 || parts[1] !== '1') return 'unknown kind of hashed name';
  const [, , salt, hash] = parts;
  const parsed = { kind: 'hashed', salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') } as const;
  return parsed.hash.length === SHA1_BYTES && parsed.salt.length === SHA1_BYTES ? parsed : 'a hashed name is damaged';
}

function decodeKey(base64: string): Buffer | undefined {
  if (base64.length > MAX_KEY_BYTES * 2 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  return Buffer.from(base64, 'base64');
}

/** The type that a public key blob names: its first string (RFC 4253, 6.6). Undefined for a damaged one. */
export function keyTypeOf(key: Buffer): string | undefined {
  if (key.length < 4) return undefined;
  const length = key.readUInt32BE(0);
  if (length === 0 || length > 64 || key.length < 4 + length) return undefined;
  const type = key.toString('latin1', 4, 4 + length);
  return /^[\x21-\x7e]+$/.test(type) ? type : undefined;
}

/** A host's name as known_hosts has it: `host`, or `[host]:port` for a port that is not 22. Lower case. */
export function knownHostName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

/** Whether the entry is about this name (of `knownHostName`). */
export function isAbout(entry: KnownHost, name: string): boolean {
  if (entry.names.kind === 'patterns') return matchesPatternList(name, entry.names.patterns);
  // OpenSSH's hashed names: HMAC-SHA1 of the name under the salt.
  const hash = createHmac('sha1', entry.names.salt).update(name).digest();
  return timingSafeEqual(hash, entry.names.hash);
}
