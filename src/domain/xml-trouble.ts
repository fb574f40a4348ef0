import { UsageError } from '../errors/errors.js';
import type { XmlElement } from '../xml/element.js';

/** Domain XML that cannot be read, at `path`: `E_USAGE_DOMAIN_XML`. */
export function badXml(path: string, why: string, at?: XmlElement): UsageError {
  const where = at?.at === undefined ? '' : ` (line ${at.at.line})`;
  return new UsageError('E_USAGE_DOMAIN_XML', `domain XML, ${path}${where}: ${why}`, {
    hint: "The form is that of libvirt's domain XML; examples/ has definitions to start from.",
    data: { path },
  });
}
