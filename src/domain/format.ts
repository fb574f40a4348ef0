import { element } from '../xml/element.js';
import { formatXml } from '../xml/format.js';
import { formatCpuSet } from './cpu-set.js';
import type { Domain } from './model.js';

/** The domain as libvirt's domain XML; `parseDomainXml` of it gives the same domain. */
export function formatDomainXml(domain: Domain): string {
  const current = domain.vcpusCurrent === domain.vcpusMax ? undefined : domain.vcpusCurrent;
  const cpuset = domain.vcpuCpuset === undefined ? undefined : formatCpuSet(domain.vcpuCpuset);
  return formatXml(
    element('domain', { type: 'xen' }, [
      element('name', {}, [domain.name]),
      element('uuid', {}, [domain.uuid]),
      ...(domain.metadata.length === 0 ? [] : [element('metadata', {}, domain.metadata)]),
      element('memory', { unit: 'KiB' }, [String(domain.memoryMaxKiB)]),
      element('currentMemory', { unit: 'KiB' }, [String(domain.memoryCurrentKiB)]),
      element('vcpu', { cpuset, current }, [String(domain.vcpusMax)]),
      ...domain.rest,
    ]),
  );
}
