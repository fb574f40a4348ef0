import { element, type XmlElement } from '../../xml/element.js';
import { formatXml } from '../../xml/format.js';
import type { HostInfo } from '../../toolstack/toolstack.js';
import { featuresIn } from '../../domain/cpu/cpu-features.js';
import { readGuestAbis, writeGuest } from './guest-abis.js';
import { hostArch, namedCpu, reportedCpu } from './host-cpu.js';

/** Migration features, as the hello lists them (S28). */
export interface MigrationAbility {
  readonly protocol: { readonly min: number; readonly max: number };
  readonly features: readonly string[];
  readonly streamVersions: readonly number[];
}

/** Namespace of elements that libvirt's capabilities lack. */
export const CAPABILITIES_NS = 'urn:xenferry:capabilities:1';

/** Schemes of the destinations that a guest can be sent to. */
const TRANSPORTS = ['xen+tls', 'xen+ssh', 'xl+ssh'] as const;

function cpu(host: HostInfo): XmlElement {
  const { coresPerSocket: cores, threadsPerCore: threads } = host.processors ?? {};
  const sockets = cores && threads ? Math.max(1, Math.floor(host.cpus / (cores * threads))) : undefined;
  const reported = reportedCpu(host);
  const { model, features } = reported === undefined ? { model: undefined, features: [] } : namedCpu(reported);
  const hasPae = reported !== undefined && featuresIn(reported.words).has('pae');
  return element('cpu', {}, [
    element('arch', {}, [hostArch(host)]),
    ...(hasPae ? [element('features', {}, [element('pae')])] : []),
    ...(model === undefined ? [] : [element('model', {}, [model])]),
    ...(sockets === undefined ? [] : [element('topology', { sockets, cores, threads })]),
    ...features.map((name) => element('feature', { name })),
  ]);
}

function migration({ protocol, features, streamVersions }: MigrationAbility): XmlElement[] {
  return [
    element('migration_features', {}, [
      element('live'),
      element(
        'uri_transports',
        {},
        TRANSPORTS.map((scheme) => element('uri_transport', {}, [scheme])),
      ),
    ]),
    element('xenferry:migration', { 'xmlns:xenferry': CAPABILITIES_NS, protocol: `${protocol.min}-${protocol.max}` }, [
      ...features.map((name) => element('xenferry:feature', { name })),
      ...streamVersions.map((version) => element('xenferry:stream', { version })),
    ]),
  ];
}

/**
 * A host's properties and abilities in the form of libvirt's capabilities (S10). Computed from what the toolstack
 * reports about the host, and from nothing else.
 */
export function formatCapabilities(host: HostInfo, ability: MigrationAbility): string {
  return formatXml(
    element('capabilities', {}, [
      element('host', {}, [
        cpu(host),
        ...migration(ability),
        element('netprefix', {}, ['vif']),
        element('topology', {}, [
          element('cells', { num: 1 }, [
            element('cell', { id: 0 }, [
              element('memory', { unit: 'KiB' }, [String(host.totalMemoryKiB)]),
              element('cpus', { num: host.cpus }),
            ]),
          ]),
        ]),
      ]),
      ...readGuestAbis(host.guestAbis).flatMap(writeGuest),
    ]),
  );
}
