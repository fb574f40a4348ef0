import { isIP } from 'node:net';
import { UsageError } from '../../errors/errors.js';

const NAME = /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;

/** Every host with a certificate of the authority: an explicit decision, never a default. */
const EVERYONE = '*';

/**
 * Hosts that may send guests here. The authority's certificate proves which host a peer is; this list decides whether
 * it is admitted. Names are the first name of a host's certificate: in full, `*.example` for every name below, or `*`
 * for all. An empty list admits no host.
 */
export class AllowList {
  readonly #names: readonly string[];

  /** @param names entries of the list @throws UsageError `E_USAGE_ALLOW` */
  constructor(names: readonly string[]) {
    this.#names = names.map((name) => {
      const plain = name.toLowerCase();
      if (plain === EVERYONE || NAME.test(plain) || isIP(plain) !== 0) return plain;
      throw new UsageError('E_USAGE_ALLOW', `allow: ${JSON.stringify(name)} is not a host name`, {
        hint: 'Use a name or an address as in its certificate, *.DOMAIN for all below it, or * for every host of the authority.',
      });
    });
  }

  /** Whether every host with a certificate is admitted. */
  get isOpen(): boolean {
    return this.#names.includes(EVERYONE);
  }

  /** Whether no host is admitted. */
  get isEmpty(): boolean {
    return this.#names.length === 0;
  }

  allows(name: string): boolean {
    if (this.isOpen) return true;
    const plain = name.toLowerCase();
    return this.#names.some((one) =>
      one.startsWith('*.') ? plain.endsWith(one.slice(1)) && plain.length >= one.length : one === plain,
    );
  }
}
