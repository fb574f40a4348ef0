import { createHash, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { z } from '../../errors/zod.js';
import { TunnelError } from '../../errors/errors.js';
import { readRevocationDate, type RevocationDate } from '../../pki/revocation-date.js';
import { readBounded, writeDurably } from '../../posix/durable-file.js';
import type { TlsCredentials } from '../../tunnel/tls-credentials.js';

const MAX_BYTES = 64 * 1024;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]{1,65536}-----END CERTIFICATE-----/g;

const seenSchema = z.object({
  /** SHA-256 of the certificates of the authorities trusted at that time. */
  authorities: z.array(z.string()).max(64),
  at: z.iso.datetime(),
  number: z
    .string()
    .regex(/^\d{1,64}$/)
    .optional(),
});

/**
 * The newest list of revoked certificates that this host has used. A list that is missing since, or older, counts as
 * damaged: it would admit peers that the newest list excludes. If ca.pem contains none of the earlier authorities,
 * there is nothing to compare with.
 */
export class RevocationMemory {
  /** @param path path of the file that records it, in the state folder */
  constructor(private readonly path: string) {}

  /**
   * Compares, and records a newer list.
   * @param dir where the credentials are from, for messages
   * @returns the list's date and number, for a log; undefined if there is no list
   * @throws TunnelError `E_TUNNEL_CREDENTIALS_CRL`, `E_TUNNEL_CREDENTIALS_DAMAGED`; SystemError
   */
  check(dir: string, { ca, crl }: Pick<TlsCredentials, 'ca' | 'crl'>): string | undefined {
    const file = join(dir, 'crl.pem');
    const authorities = [...ca.matchAll(PEM_CERTIFICATE)].map(([pem]) =>
      createHash('sha256').update(new X509Certificate(pem).raw).digest('hex'),
    );
    const seen = this.#seen();
    const isOfThese = seen?.authorities.some((one) => authorities.includes(one)) === true;
    if (crl === undefined) {
      if (seen !== undefined && isOfThese) throw this.#refused(`${file} is missing`, seen, file);
      return undefined;
    }
    const now = readRevocationDate(crl, file);
    if (seen !== undefined && isOfThese && isOlder(now, seen)) {
      throw this.#refused(`${file} is older (${shown(now)}) than the previous one`, seen, file);
    }
    const number = now.number === undefined ? {} : { number: now.number.toString() };
    writeDurably(this.path, `${JSON.stringify({ authorities, at: now.at.toISOString(), ...number })}\n`);
    return shown(now);
  }

  #seen(): (RevocationDate & { readonly authorities: readonly string[] }) | undefined {
    const text = readBounded(this.path, MAX_BYTES);
    if (text === undefined) return undefined;
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined; // reported below
    }
    const read = seenSchema.safeParse(json);
    if (!read.success) {
      throw new TunnelError('E_TUNNEL_CREDENTIALS_CRL', `${this.path} is damaged`, {
        hint: `It records which list of revoked certificates was used last. Check that crl.pem is the newest, then remove ${this.path}.`,
        data: { path: this.path },
      });
    }
    const { authorities, at, number } = read.data;
    return { authorities, at: new Date(at), number: number === undefined ? undefined : BigInt(number) };
  }

  #refused(what: string, seen: RevocationDate, file: string): TunnelError {
    return new TunnelError('E_TUNNEL_CREDENTIALS_CRL', `${what}: a list of ${shown(seen)} was used before`, {
      hint: `Copy the newest crl.pem from the authority to ${file}. If there intentionally is no such list any more, remove ${this.path}.`,
      data: { path: file },
    });
  }
}

function isOlder(now: RevocationDate, seen: RevocationDate): boolean {
  if (now.number !== undefined && seen.number !== undefined) return now.number < seen.number;
  return now.at < seen.at;
}

function shown({ at, number }: RevocationDate): string {
  return `${at.toISOString()}${number === undefined ? '' : `, number ${number}`}`;
}
