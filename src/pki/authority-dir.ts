import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RefusedError, UsageError } from '../errors/errors.js';
import { pastedWord } from '../errors/shell-words.js';
import { FileLock } from '../posix/file-lock.js';
import { makeAuthority, validForDays, type Authority } from './certificate.js';
import { parseAuthorityName } from './host-name.js';
import { describeCertificate, readCertificate, type CertificateReport } from './inspect.js';
import { PUBLIC_MODE, SECRET_MODE, makeOwnDir, readText, readTextIfThere, replaceFile } from './pki-files.js';
import { makeRevocationList, type Revoked } from './revocation-list.js';

/*
 * An authority's folder:
 *   ca.pem, ca-key.pem   the authority; its key never leaves this folder
 *   crl.pem              what has been revoked; appears with the first revocation
 *   issued/SERIAL.pem    every certificate it has signed
 *   revoked/SERIAL       one file for each revoked certificate; its text is the time
 *   lock                 held while any of this changes
 */
const NO_AUTHORITY = 'Make an authority first: `xenferry pki init --dir DIR`.';

export const AUTHORITY_DAYS = 3650;
/** A century; a larger number of days is a typing error. */
const MAX_DAYS = 36_525;
/** PKCS #8 (RFC 7468), and the older form (RFC 1421). */
const ENCRYPTED_KEY = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED\r?$/m;
const SERIAL_FILE = /^([0-9a-f]{1,40})(?:\.pem)?$/;

/** Options of `pki init`. */
export interface InitOptions {
  readonly name?: string;
  readonly days?: number;
  /** Replace an existing authority: all certificates it has issued become invalid. */
  readonly force?: boolean;
  readonly now?: Date;
}

/** Makes an authority in a folder of its own. Throws `E_REFUSED_AUTHORITY_EXISTS`, `E_USAGE_*`. */
export async function initAuthority(dir: string, options: InitOptions = {}): Promise<CertificateReport> {
  const now = options.now ?? new Date();
  const name = parseAuthorityName(options.name ?? 'xenferry authority');
  const validity = validForDays(checkDays(options.days ?? AUTHORITY_DAYS), now);
  makeOwnDir(dir);
  using _lock = lockDir(dir);
  if (options.force !== true && (existsSync(join(dir, 'ca.pem')) || existsSync(join(dir, 'ca-key.pem')))) {
    throw new RefusedError('E_REFUSED_AUTHORITY_EXISTS', `there is an authority in ${dir}`, {
      hint: 'Use it, choose another folder, or give --force, which makes every certificate it has issued invalid.',
      data: { dir },
    });
  }
  // The files of an earlier authority do not apply to the new one.
  for (const old of ['crl.pem', 'issued', 'revoked']) rmSync(join(dir, old), { recursive: true, force: true });
  const authority = await makeAuthority(name, validity);
  replaceFile(join(dir, 'ca-key.pem'), authority.key, SECRET_MODE);
  replaceFile(join(dir, 'ca.pem'), authority.cert, PUBLIC_MODE);
  return describeCertificate(readCertificate(authority.cert, join(dir, 'ca.pem')), now);
}

/** The authority in a folder. Throws `E_USAGE_PKI_*`. */
export function openAuthority(dir: string): Authority {
  const certPath = join(dir, 'ca.pem');
  const keyPath = join(dir, 'ca-key.pem');
  const cert = readText(certPath, NO_AUTHORITY);
  const key = readText(keyPath, NO_AUTHORITY);
  if (ENCRYPTED_KEY.test(key)) {
    throw new UsageError('E_USAGE_PKI_ENCRYPTED', `${keyPath} is encrypted, and no passphrase is asked for`, {
      hint: `Write it without one: \`openssl pkey -in ${pastedWord(keyPath)}\`.`,
      data: { dir },
    });
  }
  if (!keyFits(readCertificate(cert, certPath), key)) {
    throw new UsageError('E_USAGE_PKI_MISMATCH', `${keyPath} is not the key of ${certPath}`, {
      hint: 'Restore the folder from a copy, or make a new authority with --force.',
      data: { dir },
    });
  }
  return { cert, key };
}

/** Locks the folder against other `pki` commands until the lock is disposed of. Throws `E_REFUSED_BUSY`. */
export function lockDir(dir: string): FileLock {
  if (!existsSync(dir))
    throw new UsageError('E_USAGE_PKI_MISSING', `there is no folder ${dir}`, { hint: NO_AUTHORITY });
  const path = join(dir, 'lock');
  const lock = FileLock.tryTake(path, 'xenferry pki');
  if (lock !== undefined) return lock;
  throw new RefusedError('E_REFUSED_BUSY', `another xenferry pki works on ${dir}`, {
    hint: 'Wait for it and try again.',
  });
}

/** Certificates that the authority has signed, by serial. */
export function issuedIn(dir: string): Map<string, X509Certificate> {
  const folder = join(dir, 'issued');
  const issued = new Map<string, X509Certificate>();
  for (const serial of serialsIn(folder)) {
    const path = join(folder, `${serial}.pem`);
    issued.set(serial, readCertificate(readText(path, 'Check its permissions.'), path));
  }
  return issued;
}

/** Records a certificate that has been signed; called before it is handed out, so that it can be revoked. */
export function noteIssued(dir: string, serial: string, cert: string): void {
  makeOwnDir(join(dir, 'issued'));
  replaceFile(join(dir, 'issued', `${serial}.pem`), cert, PUBLIC_MODE);
}

/** Serials that have been revoked, with the time. */
export function revokedIn(dir: string): Revoked[] {
  const folder = join(dir, 'revoked');
  return serialsIn(folder).map((serial) => {
    const at = new Date(readText(join(folder, serial), 'Check its permissions.').trim());
    // A damaged record must not un-revoke a certificate: the serial decides, the time is information only.
    return { serial, at: Number.isNaN(at.getTime()) ? new Date(0) : at };
  });
}

/** Records the revocations, then signs a new list; returns its path. */
export function noteRevoked(dir: string, authority: Authority, serials: readonly string[], now: Date): string {
  const folder = join(dir, 'revoked');
  makeOwnDir(folder);
  for (const serial of serials) {
    // The time of the first revocation is kept.
    if (!existsSync(join(folder, serial))) replaceFile(join(folder, serial), `${now.toISOString()}\n`, PUBLIC_MODE);
  }
  const path = join(dir, 'crl.pem');
  replaceFile(path, makeRevocationList(authority, revokedIn(dir), now.getTime(), now), PUBLIC_MODE);
  return path;
}

/** The list of revoked certificates, if anything has been revoked. */
export function revocationListIn(dir: string): string | undefined {
  return readTextIfThere(join(dir, 'crl.pem'));
}

/** Checks --days. Throws `E_USAGE_DAYS`. */
export function checkDays(days: number): number {
  if (Number.isInteger(days) && days >= 1 && days <= MAX_DAYS) return days;
  throw new UsageError('E_USAGE_DAYS', `--days ${days}: not a whole number from 1 to ${MAX_DAYS}`, { data: { days } });
}

function serialsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => SERIAL_FILE.exec(name)?.[1] ?? []);
}

function keyFits(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false; // an unreadable key matches no certificate
  }
}
