import { isElement, type XmlElement } from '../../xml/element.js';
import { badXml } from '../xml-trouble.js';

/**
 * Attributes of `<domain>` and of its children that `parseDomainXml` reads or that only state the default; `id` is of a
 * running domain.
 */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  domain: ['type', 'id'],
  name: [],
  uuid: [],
  memory: ['unit'],
  currentMemory: ['unit'],
  vcpu: ['cpuset', 'current', 'placement'],
};

/**
 * The parts of its elements that `parseDomainXml` ignores, as sentences with paths; with `strict` an error instead.
 * @throws UsageError `E_USAGE_DOMAIN_XML`
 */
export function basicsNotes(root: XmlElement, strict: boolean): string[] {
  const notes: string[] = [];
  const note = (at: XmlElement, path: string, why: string): void => {
    if (strict) throw badXml(path, why, at);
    notes.push(`${path}: ${why}`);
  };
  const check = (at: XmlElement, path: string): void => {
    if (!Object.hasOwn(KNOWN, at.name)) return;
    for (const name of at.attributes.keys()) {
      if (KNOWN[at.name].includes(name) || /^xmlns(:|$)/.test(name)) continue;
      note(at, path, `attribute '${name}' is not known, or has no meaning under Xen`);
    }
    if (at !== root && at.children.some(isElement)) note(at, path, 'has elements, which are not known');
  };
  check(root, '/domain');
  for (const child of root.children.filter(isElement)) {
    check(child, `/domain/${child.name}`);
    if (child.name === 'vcpu' && child.attributes.get('placement') === 'auto') {
      note(child, '/domain/vcpu/@placement', "'auto' requests numad: Xen places the guest by itself");
    }
  }
  return notes;
}
