import { makeOneTimeCertificate } from '../../pki/one-time.js';
import type { OneTimeCredentials } from '../../tunnel/ssh/tls-lanes.js';

/** A certificate for one run, trusted only by the two ends of an ssh connection. */
export function makeOneTimeCredentials(): Promise<OneTimeCredentials> {
  return Promise.resolve(makeOneTimeCertificate(new Date()));
}
