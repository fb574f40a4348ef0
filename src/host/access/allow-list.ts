import { isIP } from 'node:net';
import { UsageError } from '../../errors/errors.js';

const NAME = /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;

/** Every host with a certificate of the authority: a decision that is written down, never a default. */
const EVERYONE = '*';

/**
 * Who may send guests here. A certificate of the authority says who a host is; this says whether it is wanted. Names are the first
 * name of a host's certificate: whole, `*.example` for every name below, or `*` for all. An empty list lets in no host.
 */
export class AllowList {
  readonly #names: readonly string[];

  /** @throws UsageError `E_USAGE_ALLOW` */
  constructor(names: readonly string[]) {
    this.#names = names.map((name) => {
      const plain = name.toLowerCase();
      if (plain === EVERYONE || NAME.test(plain) || isIP(plain) !== 0) return plain;
      throw new UsageError('E_USAGE_ALLOW', `allow: ${JSON.stringify(name)} is no name of a host`, {
        hint: 'Use a name or an address as in its certificate, *.DOMAIN for all below it, or * for every host of the authority.',
      });
    });
  }

  /** Whether every host with a certificate is let in. */
  get isOpen(): boolean {
    return this.#names.includes(EVERYONE);
  }

  /** Whether no host is let in. */
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
