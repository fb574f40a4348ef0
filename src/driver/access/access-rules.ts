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
  readonly #recover: AllowList | undefined;

  /**
   * @param allow who may send guests; empty: whoever has a certificate
   * @param recover who else may ask after migrations
   * @throws UsageError `E_USAGE_ALLOW`
   */
  constructor(allow: readonly string[] = [], recover: readonly string[] = []) {
    this.#migrate = new AllowList(allow);
    // An empty list of those who may ask as well names nobody, not everybody.
    this.#recover = recover.length === 0 ? undefined : new AllowList(recover);
  }

  /** Whether every host with a certificate may send guests. */
  get isOpen(): boolean {
    return this.#migrate.isOpen;
  }

  allows(verb: PeerVerb, { transport, name }: Pick<PeerIdentity, 'transport' | 'name'>): boolean {
    // Whom sshd has let in has no certificate; `SshRules` has looked at the login.
    if (transport === 'ssh') return true;
    return this.#migrate.allows(name) || (verb === 'recover' && this.#recover?.allows(name) === true);
  }

  /** @throws RefusedError `E_REFUSED_NOT_ALLOWED` */
  check(verb: PeerVerb, peer: PeerIdentity): void {
    if (this.allows(verb, peer)) return;
    const { name } = peer;
    throw new RefusedError('E_REFUSED_NOT_ALLOWED', `${name} may not send guests to this host`, {
      hint: `Let it, where it shall: --allow ${name}, or allow in the destination's configuration, and SIGHUP.`,
    });
  }
}
