import { X509Certificate } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RefusedError, UsageError } from '../errors/errors.js';
import {
  checkDays,
  issuedIn,
  lockDir,
  noteIssued,
  noteRevoked,
  openAuthority,
  revocationListIn,
  revokedIn,
} from './authority-dir.js';
import { makeKey, signHost, validForDays } from './certificate.js';
import { plainFilePath } from '../posix/output/output-plan.js';
import { parseHostNames } from './host-name.js';
import { describeCertificate, hostsOf, readCertificate, serialOf, type CertificateReport } from './inspect.js';
import { PUBLIC_MODE, SECRET_MODE, makeOwnDir, readText, replaceFile } from './pki-files.js';

/** Thirteen months: the longest that browsers accept, too. */
export const HOST_DAYS = 397;

/** Files in a host's folder. */
const HOST_FILES = ['key.pem', 'cert.pem', 'ca.pem', 'crl.pem'];

/** Options of `pki issue`. */
export interface IssueOptions {
  /** Names and addresses by which the host is dialled. */
  readonly hosts: readonly string[];
  /** Folder for ca.pem, cert.pem, key.pem (and crl.pem). */
  readonly out: string;
  readonly days?: number;
  /** Replace a certificate that is in `out`. */
  readonly force?: boolean;
  readonly now?: Date;
}

/**
 * Makes a key and a certificate for one host and puts them, with the authority's certificate, into
 * a folder that is ready for the host. Throws `E_USAGE_*`, `E_REFUSED_CERTIFICATE_EXISTS`, `E_REFUSED_FILE`.
 */
export async function issueCertificate(caDir: string, options: IssueOptions): Promise<CertificateReport> {
  const now = options.now ?? new Date();
  const hosts = parseHostNames(options.hosts);
  const validity = validForDays(checkDays(options.days ?? HOST_DAYS), now);
  const { out } = options;
  using _lock = lockDir(caDir);
  const authority = openAuthority(caDir);
  if (options.force !== true && ['cert.pem', 'key.pem'].some((name) => existsSync(join(out, name)))) {
    throw new RefusedError('E_REFUSED_CERTIFICATE_EXISTS', `there is a certificate in ${out}`, {
      hint: 'Renew it with `xenferry pki renew`, choose another folder, or give --force.',
      data: { dir: out },
    });
  }
  makeOwnDir(out);
  // Checked before anything is signed: each path must be replaceable.
  for (const name of HOST_FILES) plainFilePath(join(out, name));
  const key = await makeKey();
  const { cert, serial } = signHost(authority, key, hosts, validity);
  noteIssued(caDir, serial, cert);
  replaceFile(join(out, 'key.pem'), key, SECRET_MODE);
  replaceFile(join(out, 'cert.pem'), cert, PUBLIC_MODE);
  replaceFile(join(out, 'ca.pem'), authority.cert, PUBLIC_MODE);
  const crl = revocationListIn(caDir);
  if (crl !== undefined) replaceFile(join(out, 'crl.pem'), crl, PUBLIC_MODE);
  return describeCertificate(readCertificate(cert, join(out, 'cert.pem')), now);
}

/**
 * Makes a new certificate for the same names and the same key, which replaces the old file; the old certificate stays
 * valid until its end. `target` is a host's folder or its cert.pem. Throws `E_USAGE_*`,
 * `E_REFUSED_REVOKED`.
 */
export function renewCertificate(
  caDir: string,
  target: string,
  options: { readonly days?: number; readonly now?: Date } = {},
): CertificateReport {
  const now = options.now ?? new Date();
  const validity = validForDays(checkDays(options.days ?? HOST_DAYS), now);
  using _lock = lockDir(caDir);
  const authority = openAuthority(caDir);
  const path = certificatePath(target);
  const old = readCertificate(readText(path, 'Name a folder or a cert.pem that `xenferry pki issue` made.'), path);
  checkOurs(old, authority.cert, path);
  if (revokedIn(caDir).some(({ serial }) => serial === serialOf(old))) {
    throw new RefusedError('E_REFUSED_REVOKED', `${path} has been revoked`, {
      hint: 'Issue a new one, with a new key: `xenferry pki issue`.',
      data: { path },
    });
  }
  const { cert, serial } = signHost(authority, keyOf(old), parseHostNames(hostsOf(old)), validity);
  noteIssued(caDir, serial, cert);
  replaceFile(path, cert, PUBLIC_MODE);
  return describeCertificate(readCertificate(cert, path), now);
}

/**
 * Revokes a certificate and every other one for the same key (renewal keeps the key), and signs a new crl.pem, whose
 * path is returned. `target` is a host's folder, its cert.pem, a serial, or the name of a host whose valid certificates
 * all have one key.
 */
export function revokeCertificate(
  caDir: string,
  target: string,
  options: { readonly now?: Date } = {},
): { readonly revoked: readonly CertificateReport[]; readonly crl: string } {
  const now = options.now ?? new Date();
  using _lock = lockDir(caDir);
  const authority = openAuthority(caDir);
  const issued = [...issuedIn(caDir).values()];
  const certificate = findCertificate(caDir, issued, target, now);
  checkOurs(certificate, authority.cert, target);
  const others = issued.filter((one) => serialOf(one) !== serialOf(certificate) && keyOf(one) === keyOf(certificate));
  const all = [certificate, ...others];
  const serials = all.map(serialOf);
  const crl = noteRevoked(caDir, authority, serials, now);
  return { revoked: all.map((one) => describeCertificate(one, now, new Set(serials))), crl };
}

/** The report that `pki show` prints for one certificate, from a file or a host's folder. */
export function showCertificate(target: string, now = new Date()): CertificateReport {
  const path = certificatePath(target);
  return describeCertificate(readCertificate(readText(path, 'Name a certificate or its folder.'), path), now);
}

/** The report on the authority and on everything it has issued, the latest expiry first. */
export function showAuthority(
  caDir: string,
  now = new Date(),
): { readonly authority: CertificateReport; readonly issued: readonly CertificateReport[] } {
  const path = join(caDir, 'ca.pem');
  const revoked = new Set(revokedIn(caDir).map(({ serial }) => serial));
  const authority = readCertificate(readText(path, 'Name the folder of an authority.'), path);
  const issued = [...issuedIn(caDir).values()].map((certificate) => describeCertificate(certificate, now, revoked));
  return {
    authority: describeCertificate(authority, now),
    issued: issued.sort((a, b) => b.validTo.localeCompare(a.validTo)),
  };
}

function findCertificate(
  caDir: string,
  issued: readonly X509Certificate[],
  target: string,
  now: Date,
): X509Certificate {
  const serial = target.toLowerCase().replaceAll(':', '');
  const bySerial = issued.find((certificate) => serialOf(certificate) === serial);
  if (bySerial !== undefined) return bySerial;
  if (existsSync(target)) {
    const path = certificatePath(target);
    return readCertificate(readText(path, 'Check its permissions.'), path);
  }
  const revoked = new Set(revokedIn(caDir).map(({ serial }) => serial));
  const good = issued.filter(
    (certificate) =>
      hostsOf(certificate).includes(target.toLowerCase()) &&
      describeCertificate(certificate, now, revoked).state === 'good',
  );
  const first = good.at(0);
  if (first !== undefined && good.every((certificate) => keyOf(certificate) === keyOf(first))) return first;
  const serials = good.map(serialOf);
  throw new UsageError(
    'E_USAGE_CERTIFICATE',
    good.length === 0
      ? `${target} is neither a certificate, nor a serial, nor a host with a valid certificate`
      : `certificates with several keys are valid for ${target}: ${serials.join(', ')}`,
    { hint: '`xenferry pki show --dir DIR` lists serials; name one.', data: { target, serials } },
  );
}

function keyOf(certificate: X509Certificate): string {
  return certificate.publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

function certificatePath(target: string): string {
  if (!existsSync(target) || !statSync(target).isDirectory()) return target;
  const inside = join(target, 'cert.pem');
  return existsSync(inside) ? inside : join(target, 'ca.pem');
}

function checkOurs(certificate: X509Certificate, ca: string, where: string): void {
  const authority = new X509Certificate(ca);
  if (!certificate.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey)) return;
  throw new UsageError('E_USAGE_CERTIFICATE', `${where} was not issued by this authority`, {
    hint: 'Give --dir the folder of the authority that issued it: `xenferry pki show` prints its name.',
    data: { issuer: certificate.issuer },
  });
}
