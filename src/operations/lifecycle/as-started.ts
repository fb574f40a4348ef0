import { withoutGuestFeatures } from '../../domain/cpu/guest-features.js';
import { readDefinition } from '../../domain/definition/read.js';
import { toDomain } from '../../domain/definition/write.js';
import type { Domain } from '../../domain/model.js';
import type { Host } from '../../host/host.js';
import { withUsbPlaced } from '../usb/usb-at-start.js';

/**
 * The definition that a domain is started with on this host: with USB devices by their place, and with the additions of
 * the host's configuration, and without what an earlier run was given of a processor. The stored definition is not changed. @throws as `withUsbPlaced`
 */
export async function asStarted(host: Host, domain: Domain, signal: AbortSignal): Promise<Domain> {
  return withNestedHvm(host, await withUsbPlaced(host, withoutGuestFeatures(domain), signal));
}

/**
 * If the host's configuration has `nested_hvm`, an HVM guest with the host's own processor model may run a hypervisor
 * itself, unless its definition disables that (L03, as in libvirt's libxl.conf).
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
