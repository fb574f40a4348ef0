import { UsageError } from '../../errors/errors.js';
import { childNamed, isElement, type XmlElement } from '../../xml/element.js';
import { parseXml, XmlError, type XmlLimits } from '../../xml/parse.js';
import { readCpuElement, type Cpu } from '../definition/cpu.js';
import { readElement } from '../definition/element-reader.js';

/** A `<cpu>` of a document: a guest's, or a host's, which names its architecture. */
export interface DescribedCpu extends Cpu {
  readonly arch: string | undefined;
}

/** Largest file with CPUs that is read. */
export const MAX_CPU_FILE_BYTES = 4 * 1024 * 1024;
/** Capabilities of dozens of large hosts, concatenated. */
const LIMITS: XmlLimits = { maxChars: MAX_CPU_FILE_BYTES, maxDepth: 64, maxElements: 200_000, maxAttributes: 64 };

const DECLARATION = /<\?xml\s[^<>]{0,200}\?>/g;
/** Names of models, vendors, architectures and features, known or not; printed in messages. */
const NAME = /^[a-z0-9][\w.-]{0,63}$/i;

/**
 * The CPUs in a text, in their order: bare, within domain XML or within capabilities; any number of such documents,
 * concatenated or within an element of any name. Only a CPU's architecture, model, vendor and features are used later.
 * @param source name of the text in messages
 * @throws UsageError `E_USAGE_CPU_XML`, `E_USAGE_DOMAIN_XML`; `E_USAGE_CPU` for a host's CPU without features
 */
export function readCpus(text: string, source: string): DescribedCpu[] {
  return cpuElements(parse(text, source)).map((found) =>
    readElement(found, '/cpu', { lenient: true, carryUnknown: true, warnings: [] }, (reader) => {
      const cpu = { ...readCpuElement(reader), arch: reader.textChild('arch') };
      for (const name of [cpu.arch, cpu.model, cpu.vendor, ...cpu.features.map((feature) => feature.name)]) {
        if (name !== undefined && !NAME.test(name)) {
          throw reader.bad('', `${JSON.stringify(name.slice(0, 64))} is not a name of a CPU or of a feature`);
        }
      }
      if (cpu.arch !== undefined && cpu.model === undefined && cpu.features.length === 0) {
        throw new UsageError('E_USAGE_CPU', `${source}: the <cpu> of a host contains only its architecture`, {
          hint: 'Its hypervisor did not report more: nothing can be compared.',
        });
      }
      return cpu;
    }),
  );
}

/** One root around all of them. It is in the first line, so that line numbers in messages are those of the file. */
function parse(text: string, source: string): XmlElement {
  // Each document may have an XML declaration, which is not allowed inside another.
  const bare = text.replace(/^\uFEFF/, '').replace(DECLARATION, (declaration) => declaration.replace(/[^\n]/g, ' '));
  try {
    return parseXml(`<cpus>${bare}</cpus>`, LIMITS);
  } catch (cause) {
    if (!(cause instanceof XmlError)) throw cause;
    throw new UsageError('E_USAGE_CPU_XML', `${source}: ${cause.message}`, {
      hint: 'The file must contain <cpu> elements, domain XML or capabilities. `xenferry capabilities` prints such a document.',
      data: cause.data,
    });
  }
}

function cpuElements(parent: XmlElement): XmlElement[] {
  return parent.children.filter(isElement).flatMap((child): XmlElement[] => {
    switch (child.name) {
      case 'cpu':
        return [child];
      case 'domain':
        return only(childNamed(child, 'cpu'));
      case 'capabilities': {
        // Deeper levels have other elements of that name: the threads of a NUMA node.
        const host = childNamed(child, 'host');
        return host === undefined ? [] : only(childNamed(host, 'cpu'));
      }
      default:
        return cpuElements(child);
    }
  });
}

const only = (found: XmlElement | undefined): XmlElement[] => (found === undefined ? [] : [found]);
