import { RefusedError } from '../../errors/errors.js';
import type { PeerIdentity } from '../../tunnel/peer-identity.js';
import { AllowList } from './allow-list.js';

/** What a peer may request of a destination: to receive a guest, or the outcome of a migration. */
export type PeerVerb = 'migrate' | 'recover';

/**
 * Permissions of peers, by the name in their certificate. A host that may send guests may also ask about them; a host
 * that may only ask settles migrations that it began earlier, and begins none.
 */
export class AccessRules {
  readonly #migrate: AllowList;
  readonly #recover: AllowList;

  /**
   * @param allow hosts that may send guests; empty: none
   * @param recover further hosts that may ask about migrations
   * @throws UsageError `E_USAGE_ALLOW`
   */
  constructor(allow: readonly string[] = [], recover: readonly string[] = []) {
    this.#migrate = new AllowList(allow);
    this.#recover = new AllowList(recover);
  }

  /** Whether every host with a certificate may send guests. */
  get isOpen(): boolean {
    return this.#migrate.isOpen;
  }

  /** Whether no host at all may send guests over TLS. */
  get isClosed(): boolean {
    return this.#migrate.isEmpty;
  }

  allows(verb: PeerVerb, { transport, name }: Pick<PeerIdentity, 'transport' | 'name'>): boolean {
    // A peer that sshd admitted has no certificate; `SshRules` has checked the login.
    if (transport === 'ssh') return true;
    return this.#migrate.allows(name) || (verb === 'recover' && this.#recover.allows(name));
  }

  /** Checks that a peer may do this. @throws RefusedError `E_REFUSED_NOT_ALLOWED` */
  check(verb: PeerVerb, peer: PeerIdentity): void {
    if (this.allows(verb, peer)) return;
    const { name } = peer;
    throw new RefusedError('E_REFUSED_NOT_ALLOWED', `${name} may not send guests to this host`, {
      hint: `To allow it, add ${JSON.stringify(name)} to allow in the destination's configuration and send SIGHUP, or start serve with --allow.`,
    });
  }
}
