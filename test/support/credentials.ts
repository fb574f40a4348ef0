import {
  HOST_KEY_BITS,
  makeAuthority,
  makeKey,
  signHost,
  validForDays,
  type Validity,
} from '../../src/pki/certificate.js';
import { parseHostNames } from '../../src/pki/host-name.js';
import type { HostCredentials } from '../../src/pki/one-time.js';

export type { HostCredentials };

export interface CredentialsOptions {
  /** Names and addresses of each host that gets a certificate. */
  readonly hosts: readonly (readonly string[])[];
  /** How long they are good; a day where absent. */
  readonly validity?: Validity;
  readonly authorityName?: string;
}

/**
 * Certificates for once, in memory: a new authority whose key is forgotten as soon as the hosts'
 * certificates are signed, so that it can never sign another. In the order of `hosts`.
 */
export async function makeCredentials(options: CredentialsOptions): Promise<HostCredentials[]> {
  const validity = options.validity ?? validForDays(1, new Date());
  const names = options.hosts.map(parseHostNames);
  const [authority, ...keys] = await Promise.all([
    makeAuthority(options.authorityName ?? 'xenferry for once', validity, HOST_KEY_BITS),
    ...names.map(() => makeKey()),
  ]);
  return names.map((hosts, index) => {
    const key = keys[index];
    return { ca: authority.cert, cert: signHost(authority, key, hosts, validity).cert, key };
  });
}
