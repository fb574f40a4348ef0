import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatDomainCapabilities } from '../../../../src/host/capabilities/domain-capabilities.js';
import type { HostInfo } from '../../../../src/toolstack/toolstack.js';

const HOST: HostInfo = {
  hostname: 'hv1',
  toolstack: 'libxl',
  version: '4.17.7',
  totalMemoryKiB: 8_388_608,
  freeMemoryKiB: 1,
  cpus: 16,
  streamVersions: [2],
  lacks: [],
  guestAbis: ['xen-3.0-x86_64', 'hvm-3.0-x86_32', 'hvm-3.0-x86_32p', 'hvm-3.0-x86_64'],
};

const golden = (machine: string): string =>
  readFileSync(new URL(`../../../fixtures/domain-capabilities/${machine}.xml`, import.meta.url), 'utf8');

describe('S11: what a guest can have', () => {
  it.each(['xenpv', 'xenfv', 'xenpvh'])('L01: a guest on machine %s', (machine) => {
    expect(formatDomainCapabilities(HOST, { machine })).toBe(golden(machine));
  });

  it('is about a paravirtual guest of the host’s architecture where nothing is said', () => {
    expect(formatDomainCapabilities(HOST, {})).toBe(golden('xenpv'));
    expect(formatDomainCapabilities(HOST, { virttype: 'xen', arch: 'x86_64' })).toBe(golden('xenpv'));
  });

  it('shows another device model and architecture as they are given', () => {
    const text = formatDomainCapabilities(HOST, { emulatorbin: "/opt/q'<emu", arch: 'i686', machine: 'xenfv' });
    expect(text).toContain("<path>/opt/q'&lt;emu</path>");
    expect(text).toContain('<arch>i686</arch>');
  });

  it.each([
    [{ virttype: 'kvm' }, 'E_USAGE_VIRTTYPE'],
    [{ virttype: '' }, 'E_USAGE_VIRTTYPE'],
    [{ arch: 'ppc64' }, 'E_USAGE_ARCH'],
    [{ arch: 'constructor' }, 'E_USAGE_ARCH'],
    [{ machine: 'pc' }, 'E_USAGE_MACHINE'],
    [{ machine: '' }, 'E_USAGE_MACHINE'],
    [{ arch: 'aarch64', machine: 'xenpvh' }, 'E_REFUSED_UNSUPPORTED'],
    // Paravirtual guests of 32 bits: Xen has to be told to run them.
    [{ arch: 'i686' }, 'E_REFUSED_UNSUPPORTED'],
  ])('%j: %s', (request, code) => {
    expect(() => formatDomainCapabilities(HOST, request)).toThrow(
      expect.objectContaining({ code, hint: expect.stringMatching(/\.$/) as string }) as Error,
    );
  });

  it('of a host whose processors cannot run HVM guests are refused', () => {
    const host = { ...HOST, guestAbis: ['xen-3.0-x86_64'] };
    expect(formatDomainCapabilities(host, {})).toBe(golden('xenpv'));
    expect(() => formatDomainCapabilities(host, { machine: 'xenfv' })).toThrow(
      'hv1 does not run x86_64 guests on machine xenfv',
    );
  });
});
