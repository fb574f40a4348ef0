import { element, type XmlElement } from '../../xml/element.js';
import { formatXml } from '../../xml/format.js';
import type { HostInfo } from '../../toolstack/toolstack.js';
import { readGuestAbis, writeGuest } from './guest-abis.js';

/** What a peer can be told to do, as its hello lists it (S28). */
export interface MigrationAbility {
  readonly protocol: { readonly min: number; readonly max: number };
  readonly features: readonly string[];
  readonly streamVersions: readonly number[];
}

/** Namespace of what libvirt's capabilities have no element for. */
export const CAPABILITIES_NS = 'urn:xenferry:capabilities:1';

/** Schemes of the destinations that a guest can be sent to. */
const TRANSPORTS = ['xen+tls', 'xen+ssh', 'xl+ssh'] as const;

/** Words of CPUID that Xen gives out, as it has numbered them since 4.7 (FEATURES 3.5): leaf 1 EDX, leaf 80000001 EDX. */
const WORD_1_EDX = 0;
const WORD_80000001_EDX = 2;
const PAE_BIT = 6;
const LONG_MODE_BIT = 29;

function hasBit(words: readonly number[], word: number, bit: number): boolean {
  return word < words.length && ((words[word] >>> bit) & 1) === 1;
}

function cpu({ cpus, processors, guestAbis }: HostInfo): XmlElement {
  const words = processors?.cpuidWords ?? [];
  const is64 = hasBit(words, WORD_80000001_EDX, LONG_MODE_BIT) || guestAbis.some((abi) => abi.endsWith('x86_64'));
  const isArm = guestAbis.some((abi) => abi.endsWith('aarch64'));
  const arch = isArm ? 'aarch64' : is64 ? 'x86_64' : 'i686';
  const { coresPerSocket: cores, threadsPerCore: threads } = processors ?? {};
  const sockets = cores && threads ? Math.max(1, Math.floor(cpus / (cores * threads))) : undefined;
  return element('cpu', {}, [
    element('arch', {}, [arch]),
    ...(sockets === undefined ? [] : [element('topology', { sockets, cores, threads })]),
    ...(hasBit(words, WORD_1_EDX, PAE_BIT) ? [element('features', {}, [element('pae')])] : []),
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
 * What a host is and can, as libvirt's capabilities have it (S10). Computed from what the toolstack says of the host, and from
 * nothing else.
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
