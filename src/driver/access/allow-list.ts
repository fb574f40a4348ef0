import { isIP } from 'node:net';
import { UsageError } from '../../errors/errors.js';

const NAME = /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;

/**
 * Who may send guests here. A certificate of the authority says who a host is; this says whether it is wanted. Names are the first
 * name of a host's certificate: whole, or `*.example` for every name below. An empty list lets in whoever has a certificate.
 */
export class AllowList {
  readonly #names: readonly string[];

  /** @throws UsageError `E_USAGE_ALLOW` */
  constructor(names: readonly string[]) {
    this.#names = names.map((name) => {
      const plain = name.toLowerCase();
      if (NAME.test(plain) || isIP(plain) !== 0) return plain;
      throw new UsageError('E_USAGE_ALLOW', `allow: ${JSON.stringify(name)} is no name of a host`, {
        hint: 'Use a name or an address as in its certificate, or *.DOMAIN for all below it.',
      });
    });
  }

  get isOpen(): boolean {
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
