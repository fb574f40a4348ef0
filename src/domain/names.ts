import { UsageError } from '../errors/errors.js';
import { isPrintable } from '../errors/printable.js';
import type { Domain } from './model.js';

/** File names are made from domain names, with suffixes; most file systems end at 255 bytes. */
const MAX_NAME_BYTES = 200;

/**
 * Checks the name of a new domain (S39): paths are built from names, and lists and logs show them.
 * @throws UsageError `E_USAGE_DOMAIN_NAME`
 */
export function checkDomainName(name: string): string {
  const bad = (why: string): UsageError =>
    new UsageError('E_USAGE_DOMAIN_NAME', `domain name ${JSON.stringify(name)}: ${why}`, {
      hint: 'Choose a name of printable characters without a slash.',
    });
  if (name === '') throw bad('it is empty');
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw bad(`it is longer than ${MAX_NAME_BYTES} bytes`);
  if (name.includes('\n')) throw bad('invalid char in name: new line');
  if (!isPrintable(name)) throw bad('invalid char in name: control character');
  if (name.includes('/')) throw bad('invalid char in name: slash');
  if (name === '.' || name === '..') throw bad('it means a folder');
  if (name.trim() !== name) throw bad('it begins or ends with a blank');
  if (name === 'Domain-0') throw bad('it is reserved for domain 0');
  return name;
}

/** The same domain under another name. */
export function withName(domain: Domain, name: string): Domain {
  return { ...domain, name: checkDomainName(name) };
}
