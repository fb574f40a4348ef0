import { createHash } from 'node:crypto';
import { TunnelError } from '../../errors/errors.js';
import { isAbout, keyTypeOf, knownHostName, type KnownHost, type KnownHosts } from './known-hosts.js';

/** The verdict of known_hosts on a host's key. */
export type HostKeyVerdict =
  | { readonly kind: 'known'; readonly entry: KnownHost }
  /** No entry has a key of this type for the host; `others` are the entries with other types. */
  | { readonly kind: 'unknown'; readonly others: readonly KnownHost[]; readonly authority?: KnownHost }
  | { readonly kind: 'changed'; readonly entry: KnownHost }
  | { readonly kind: 'revoked'; readonly entry: KnownHost };

/** Under which name a host's key is looked up. */
export interface HostKeyName {
  readonly host: string;
  readonly port: number;
  /** HostKeyAlias: replaces host and port. */
  readonly alias?: string;
}

/** Signature algorithms for host keys that are accepted, best first. No SHA-1, no DSA. */
const HOST_KEY_ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

export type HostKeyAlgorithm = (typeof HOST_KEY_ALGORITHMS)[number];

/** `SHA256:` and base64 without padding, as `ssh-keygen -l` prints it. */
export function sshFingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replaceAll('=', '')}`;
}

/**
 * Judges a host's key. As in OpenSSH, one equal key is enough if a host has several; a revoked one
 * never counts; and a host on another port is also known by a matching key of the plain name.
 */
export function judgeHostKey(known: KnownHosts, name: HostKeyName, key: Buffer): HostKeyVerdict {
  const lookedUp = lookupName(name);
  const about = entriesFor(known, lookedUp);
  const plain = name.alias === undefined ? entriesFor(known, knownHostName(name.host, 22)) : about;
  const revoked = [...about, ...plain].find((entry) => entry.marker === 'revoked' && entry.key.equals(key));
  if (revoked !== undefined) return { kind: 'revoked', entry: revoked };

  const same = [...about, ...plain].find((entry) => entry.marker === 'none' && entry.key.equals(key));
  const listed = about.filter((entry) => entry.marker === 'none');
  const type = keyTypeOf(key);
  const conflict = listed.find((entry) => entry.keyType === type);
  // The plain name's key counts only if the name with its port has none.
  if (same !== undefined && (about.includes(same) || conflict === undefined)) return { kind: 'known', entry: same };
  if (conflict !== undefined) return { kind: 'changed', entry: conflict };
  const authority = about.find((entry) => entry.marker === 'cert-authority');
  return { kind: 'unknown', others: listed, ...(authority === undefined ? {} : { authority }) };
}

/**
 * The host key algorithms to offer: those of keys that known_hosts has for the host come first, so
 * that a host with several keys shows one that can be checked.
 */
export function hostKeyAlgorithms(known: KnownHosts, name: HostKeyName): HostKeyAlgorithm[] {
  let entries = entriesFor(known, lookupName(name)).filter((entry) => entry.marker === 'none');
  if (entries.length === 0 && name.alias === undefined) {
    entries = entriesFor(known, knownHostName(name.host, 22)).filter((entry) => entry.marker === 'none');
  }
  const types = new Set(entries.map((entry) => entry.keyType));
  const isKnown = (algorithm: HostKeyAlgorithm): boolean =>
    types.has(algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm);
  return [...HOST_KEY_ALGORITHMS.filter(isKnown), ...HOST_KEY_ALGORITHMS.filter((algorithm) => !isKnown(algorithm))];
}

/** Why a host's key is refused, with the way out; undefined when it is known. */
export function hostKeyError(
  verdict: HostKeyVerdict,
  known: KnownHosts,
  name: HostKeyName,
  key: Buffer,
): TunnelError | undefined {
  const shown = `${keyTypeOf(key) ?? 'unknown'} key ${sshFingerprint(key)}`;
  const as = lookupName(name);
  const data = { host: name.host, port: name.port, fingerprint: sshFingerprint(key) };
  const file = known.paths[0] ?? '~/.ssh/known_hosts';
  const scan = scanCommand(name, key);
  switch (verdict.kind) {
    case 'known':
      return undefined;
    case 'changed':
      return new TunnelError(
        'E_TUNNEL_HOSTKEY_CHANGED',
        `the host key of ${as} has CHANGED: it showed ${shown}, ` +
          `but ${at(verdict.entry)} has ${sshFingerprint(verdict.entry.key)}. The connection may be intercepted`,
        {
          hint:
            `Ask the host's administrator whether its key was replaced and compare the fingerprint. If it was: ` +
            `ssh-keygen -R ${quoteName(as)} -f ${verdict.entry.path}, then ${scan} >> ${file}`,
          data: { ...data, path: verdict.entry.path, line: verdict.entry.lineNumber },
        },
      );
    case 'revoked':
      return new TunnelError(
        'E_TUNNEL_HOSTKEY_REVOKED',
        `the host key of ${as}, ${shown}, is marked as revoked at ${at(verdict.entry)}`,
        {
          hint: 'This key was withdrawn, perhaps because it was stolen. Do not connect before the host has a new one.',
          data: { ...data, path: verdict.entry.path, line: verdict.entry.lineNumber },
        },
      );
    case 'unknown': {
      const others = verdict.others.slice(0, 4).map((entry) => `${entry.keyType} at ${at(entry)}`);
      const authority =
        verdict.authority === undefined
          ? ''
          : ` An authority for host certificates is listed at ${at(verdict.authority)}, but these are not supported.`;
      return new TunnelError(
        'E_TUNNEL_HOSTKEY_UNKNOWN',
        `the host key of ${as} is not known: it showed ${shown}` +
          (others.length === 0 ? '' : `; keys of other types are known (${others.join(', ')})`),
        {
          hint:
            `Compare the fingerprint with that of \`ssh-keygen -lf\` at the host's console, then: ` +
            `${scan} >> ${file}.${authority}`,
          data: { ...data, paths: known.paths },
        },
      );
    }
  }
}

function lookupName(name: HostKeyName): string {
  return name.alias === undefined ? knownHostName(name.host, name.port) : name.alias.toLowerCase();
}

function entriesFor(known: KnownHosts, name: string): KnownHost[] {
  return known.entries.filter((entry) => isAbout(entry, name));
}

function at(entry: KnownHost): string {
  return `${entry.path}:${entry.lineNumber}`;
}

function quoteName(name: string): string {
  return name.startsWith('[') ? `'${name}'` : name;
}

/** ssh-keyscan's -t names, by key type. */
function scanCommand(name: HostKeyName, key: Buffer): string {
  const type = keyTypeOf(key) ?? '';
  const short = type === 'ssh-rsa' ? 'rsa' : type.startsWith('ecdsa-') ? 'ecdsa' : 'ed25519';
  const port = name.port === 22 ? '' : ` -p ${name.port}`;
  const command = `ssh-keyscan -t ${short}${port} ${name.host}`;
  // ssh-keyscan writes the name it dialled: an alias must take its place.
  return name.alias === undefined ? command : `${command} | sed 's/^[^ ]*/${name.alias}/'`;
}
