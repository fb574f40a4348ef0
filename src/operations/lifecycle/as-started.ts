import { readDefinition } from '../../domain/definition/read.js';
import { toDomain } from '../../domain/definition/write.js';
import type { Domain } from '../../domain/model.js';
import type { Host } from '../../host/host.js';
import { withUsbPlaced } from '../usb/usb-at-start.js';

/**
 * What a domain starts as on this host: with its USB devices by their places, and with what the host's own switches add. The definition
 * that is kept stays as it is. @throws as `withUsbPlaced`
 */
export async function asStarted(host: Host, domain: Domain, signal: AbortSignal): Promise<Domain> {
  return withNestedHvm(host, await withUsbPlaced(host, domain, signal));
}

/**
 * Where the host's configuration has `nested_hvm`, an HVM guest with the host's own processor may be a hypervisor itself, unless its
 * definition says otherwise (L03, as libvirt's libxl.conf has it).
 */
function withNestedHvm({ nestedHvm }: Host, domain: Domain): Domain {
  if (!nestedHvm || domain.type !== 'hvm') return domain;
  const { definition } = readDefinition(domain, { lenient: true });
  const { cpu } = definition;
  if (cpu?.mode !== 'host-passthrough') return domain;
  if (cpu.features.some(({ name, policy }) => (name === 'vmx' || name === 'svm') && policy !== 'optional'))
    return domain;
  const features = [...cpu.features, { name: 'vmx', policy: 'require' } as const];
  return toDomain({ ...definition, cpu: { ...cpu, features } });
}
