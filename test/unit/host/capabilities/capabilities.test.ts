import { describe, expect, it } from 'vitest';
import { compareCpu } from '../../../../src/domain/cpu/compare-cpu.js';
import { wordsOf } from '../../../../src/domain/cpu/cpu-features.js';
import { cpuModel } from '../../../../src/domain/cpu/cpu-models.js';
import { readCpus } from '../../../../src/domain/cpu/described-cpu.js';
import { formatCapabilities } from '../../../../src/host/capabilities/capabilities.js';
import { readGuestAbis } from '../../../../src/host/capabilities/guest-abis.js';
import type { HostInfo } from '../../../../src/toolstack/toolstack.js';
import { childNamed, childrenNamed, textOf } from '../../../../src/xml/element.js';
import { parseXml } from '../../../../src/xml/parse.js';
import { LocalHost } from '../../../support/local-host.js';

const HOST: HostInfo = {
  hostname: 'h',
  toolstack: 'libxl',
  version: '4.17.7',
  totalMemoryKiB: 8_388_608,
  freeMemoryKiB: 1,
  cpus: 16,
  streamVersions: [2],
  lacks: [],
  guestAbis: 'xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 sparc-1'.split(' '),
  processors: { coresPerSocket: 4, threadsPerCore: 2, cpuidWords: [0x1789_cbf5, 0, 0x2c10_0800, 0, 0, 0, 0, 0] },
};
const ABILITY = { protocol: { min: 1, max: 1 }, features: ['migration-v3', 'persist-dest'], streamVersions: [2] };

describe('S10: capabilities, from what the toolstack says and nothing else', () => {
  it('reads the kinds of guests in Xen’s words, each once', () => {
    expect(readGuestAbis(HOST.guestAbis)).toEqual([
      { osType: 'xen', arch: 'x86_64', pae: false },
      { osType: 'hvm', arch: 'i686', pae: true },
      { osType: 'hvm', arch: 'x86_64', pae: false },
    ]);
    expect(readGuestAbis(['', 'xen', 'xen-3-x86_64', `hvm-3.0-${'x'.repeat(1000)}`, 'xen-3.0-aarch64'])).toEqual([
      { osType: 'xen', arch: 'aarch64', pae: false },
    ]);
  });

  it('says what the host is, and how it migrates', () => {
    const text = formatCapabilities(HOST, ABILITY);
    expect(formatCapabilities(HOST, ABILITY)).toBe(text);
    const root = parseXml(text);
    const host = childNamed(root, 'host')!;
    const cpu = childNamed(host, 'cpu')!;
    expect(textOf(childNamed(cpu, 'arch')!)).toBe('x86_64');
    expect(Object.fromEntries(childNamed(cpu, 'topology')!.attributes)).toEqual({
      sockets: '2',
      cores: '4',
      threads: '2',
    });
    expect(text).toContain('<pae/>');
    const moves = childNamed(host, 'migration_features')!;
    expect(childNamed(moves, 'live')).toBeDefined();
    expect(childrenNamed(childNamed(moves, 'uri_transports')!, 'uri_transport').map(textOf)).toEqual([
      'xen+tls',
      'xen+ssh',
      'xl+ssh',
    ]);
    expect(
      childrenNamed(root, 'guest').map((guest) => {
        const arch = childNamed(guest, 'arch')!;
        return [
          textOf(childNamed(guest, 'os_type')!),
          arch.attributes.get('name'),
          textOf(childNamed(arch, 'machine')!),
        ].join(' ');
      }),
    ).toEqual(['xen x86_64 xenpv', 'hvm i686 xenfv', 'xenpvh i686 xenpvh', 'hvm x86_64 xenfv', 'xenpvh x86_64 xenpvh']);
  });

  it('S30: names the processor by its model and what it has beside that, and it is identical to itself', () => {
    const words = wordsOf([...cpuModel('Haswell')!.features, 'vmx', 'f16c']);
    const text = formatCapabilities({ ...HOST, processors: { ...HOST.processors!, cpuidWords: words } }, ABILITY);
    expect(text).toContain(`<cpu>
      <arch>x86_64</arch>
      <features>
        <pae/>
      </features>
      <model>Haswell</model>
      <topology sockets='2' cores='4' threads='2'/>
      <feature name='f16c'/>
      <feature name='vmx'/>
    </cpu>`);
    const [described] = readCpus(text, 'capabilities');
    expect(compareCpu({ arch: 'x86_64', words }, described).result).toBe('identical');
  });

  it('says nothing of a processor that the hypervisor does not report', () => {
    const { processors: _, ...host } = HOST;
    const text = formatCapabilities(host, ABILITY);
    expect(text).toContain('<cpu>\n      <arch>x86_64</arch>\n    </cpu>');
  });

  it('S28: announces migration V3, of a real host as of a simulated one', async () => {
    expect(formatCapabilities(HOST, ABILITY)).toContain(
      '<xenferry:feature name="migration-v3"/>'.replaceAll('"', quote),
    );
    await using local = await LocalHost.make();
    const text = formatCapabilities(await local.host.toolstack.host(), await local.host.hello());
    for (const feature of ['migration-v3', 'migration-params', 'migration-p2p', 'typed-param-string']) {
      expect(text).toContain(`name=${quote}${feature}${quote}`);
    }
  });
});

/** What our XML is written with. */
const quote = formatCapabilities(HOST, ABILITY).includes("'") ? "'" : '"';
