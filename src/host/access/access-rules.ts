import { RefusedError } from '../../errors/errors.js';
import type { PeerIdentity } from '../../tunnel/peer-identity.js';
import { AllowList } from './allow-list.js';

/** What a peer may ask of a destination: to take a guest in, or what became of one. */
export type PeerVerb = 'migrate' | 'recover';

/**
 * Who may do what here, by the name in a certificate. Whoever may send guests may ask after them; a host that may only ask settles
 * what it had begun, and begins nothing.
 */
export class AccessRules {
  readonly #migrate: AllowList;
  readonly #recover: AllowList;

  /**
   * @param allow who may send guests; empty: no host
   * @param recover who else may ask after migrations
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
    // Whom sshd has let in has no certificate; `SshRules` has looked at the login.
    if (transport === 'ssh') return true;
    return this.#migrate.allows(name) || (verb === 'recover' && this.#recover.allows(name));
  }

  /** @throws RefusedError `E_REFUSED_NOT_ALLOWED` */
  check(verb: PeerVerb, peer: PeerIdentity): void {
    if (this.allows(verb, peer)) return;
    const { name } = peer;
    throw new RefusedError('E_REFUSED_NOT_ALLOWED', `${name} may not send guests to this host`, {
      hint: `To let it, add ${JSON.stringify(name)} to allow in the destination's configuration and send SIGHUP, or start serve with --allow.`,
    });
  }
}
