import { randomUUID } from 'node:crypto';
import { childNamed, childrenNamed, isElement, textOf, type XmlElement } from '../xml/element.js';
import { parseXml } from '../xml/parse.js';
import { parseCpuSet, type CpuSet } from './cpu-set.js';
import { parseMemoryKiB } from './memory.js';
import type { Domain, GuestType } from './model.js';
import { checkDomainName } from './names.js';
import { declarationsOf, selfContained } from './namespaces.js';
import { badXml } from './xml-trouble.js';

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const MAX_VCPUS = 4096;
/** Elements with a field in the model; everything else is kept in `rest`. */
const MODELLED = new Set(['name', 'uuid', 'memory', 'currentMemory', 'vcpu', 'metadata']);

/** How a document is read (S33). */
export interface ParseContext {
  /**
   * Origin of the document (S06, S39). A `user` may omit the UUID; a `peer` may not, since a generated
   * UUID would make it another guest. A name is checked when it is new, so not in `stored` definitions.
   */
  readonly trust?: 'user' | 'peer' | 'stored';
  /** Makes a UUID for a user's definition that has none. */
  readonly makeUuid?: () => string;
}

/** Parses libvirt's domain XML. @throws UsageError `E_USAGE_DOMAIN_XML`, `E_USAGE_DOMAIN_NAME`; XmlError */
export function parseDomainXml(text: string, context: ParseContext = {}): Domain {
  const root = parseXml(text);
  if (root.name !== 'domain') throw badXml(`<${root.name}>`, 'the root element must be <domain>', root);
  const kind = root.attributes.get('type');
  if (kind !== 'xen') throw badXml('/domain/@type', `must be 'xen', not ${JSON.stringify(kind ?? '')}`, root);
  const memoryMaxKiB = memory(root, 'memory') ?? memoryOfCells(root) ?? missing('memory', root);
  const current = memory(root, 'currentMemory') ?? memoryMaxKiB;
  if (current > memoryMaxKiB)
    throw badXml('/domain/currentMemory', 'is more than <memory>', childNamed(root, 'currentMemory'));
  const name = onlyText(root, 'name') ?? missing('name', root);
  const metadata = only(root, 'metadata');
  const inherited = declarationsOf(root);
  const inMetadata = metadata === undefined ? inherited : new Map([...inherited, ...declarationsOf(metadata)]);
  return {
    name: context.trust === 'stored' ? name : checkDomainName(name),
    uuid: uuidOf(root, context),
    type: guestType(root),
    memoryMaxKiB,
    memoryCurrentKiB: current,
    ...vcpus(root),
    metadata: (metadata?.children ?? []).filter(isElement).map((child) => selfContained(child, inMetadata)),
    rest: root.children
      .filter((child): child is XmlElement => isElement(child) && !MODELLED.has(child.name))
      .map((child) => selfContained(child, inherited)),
  };
}

function missing(name: string, root: XmlElement): never {
  throw badXml(`/domain/${name}`, 'is missing', root);
}

function only(root: XmlElement, name: string): XmlElement | undefined {
  const found = childrenNamed(root, name);
  if (found.length > 1) throw badXml(`/domain/${name}`, 'occurs more than once', found[1]);
  return found[0];
}

/** The text of an element that occurs at most once, with its blanks: a name is checked as written. */
function onlyText(root: XmlElement, name: string): string | undefined {
  const found = only(root, name);
  return found?.children.filter((node) => typeof node === 'string').join('');
}

function uuidOf(root: XmlElement, context: ParseContext): string {
  const found = only(root, 'uuid');
  if (found === undefined) {
    if (context.trust === 'peer' || context.trust === 'stored') missing('uuid', root);
    return (context.makeUuid ?? randomUUID)();
  }
  const text = textOf(found);
  if (!UUID.test(text)) throw badXml('/domain/uuid', `${JSON.stringify(text)} is not a UUID`, found);
  const hex = text.replaceAll('-', '').toLowerCase();
  if (/^0+$/.test(hex)) throw badXml('/domain/uuid', 'is that of domain 0', found);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function guestType(root: XmlElement): GuestType {
  const os = only(root, 'os') ?? missing('os', root);
  const type = childNamed(os, 'type') ?? missing('os/type', root);
  const text = textOf(type);
  const machine = type.attributes.get('machine');
  switch (text) {
    case 'hvm':
      return 'hvm';
    case 'xenpvh':
      return 'pvh';
    case 'linux':
    case 'xen':
      return machine === 'xenpvh' ? 'pvh' : 'pv';
    default:
      throw badXml('/domain/os/type', `${JSON.stringify(text)} is not one of hvm, xenpvh, xen, linux`, type);
  }
}

function memory(root: XmlElement, name: 'memory' | 'currentMemory'): number | undefined {
  const found = only(root, name);
  if (found === undefined) return undefined;
  const kib = parseMemoryKiB(textOf(found), found.attributes.get('unit'));
  if (kib === undefined) {
    throw badXml(
      `/domain/${name}`,
      `${JSON.stringify(textOf(found))} with unit ${JSON.stringify(found.attributes.get('unit') ?? 'KiB')} is not a size`,
      found,
    );
  }
  return kib;
}

/** Without `<memory>`, a guest with cells has the sum of their memory, as in libvirt. */
function memoryOfCells(root: XmlElement): number | undefined {
  const cpu = childNamed(root, 'cpu');
  const numa = cpu && childNamed(cpu, 'numa');
  const sizes = (numa === undefined ? [] : childrenNamed(numa, 'cell')).map((cell) =>
    parseMemoryKiB(cell.attributes.get('memory') ?? '', cell.attributes.get('unit')),
  );
  if (sizes.length === 0) return undefined;
  return sizes.reduce((sum, size) => (sum === undefined || size === undefined ? undefined : sum + size), 0);
}

function vcpus(root: XmlElement): { vcpusMax: number; vcpusCurrent: number; vcpuCpuset?: CpuSet } {
  const found = only(root, 'vcpu');
  if (found === undefined) return { vcpusMax: 1, vcpusCurrent: 1 };
  const max = count(textOf(found), '/domain/vcpu', found);
  const current = found.attributes.get('current');
  const vcpusCurrent = current === undefined ? max : count(current, '/domain/vcpu/@current', found);
  if (vcpusCurrent > max)
    throw badXml('/domain/vcpu/@current', `${vcpusCurrent} is more than the maximum ${max}`, found);
  const cpus = found.attributes.get('cpuset');
  if (cpus === undefined) return { vcpusMax: max, vcpusCurrent };
  const vcpuCpuset = parseCpuSet(cpus);
  if (vcpuCpuset === undefined) {
    throw badXml('/domain/vcpu/@cpuset', `${JSON.stringify(cpus)} is not a set of processors such as 0-3,^2`, found);
  }
  return { vcpusMax: max, vcpusCurrent, vcpuCpuset };
}

function count(text: string, path: string, at: XmlElement): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > MAX_VCPUS)
    throw badXml(path, `${JSON.stringify(text)} is not a number from 1 to ${MAX_VCPUS}`, at);
  return value;
}
