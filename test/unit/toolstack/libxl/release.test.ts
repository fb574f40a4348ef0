import { describe, expect, it } from 'vitest';
import { hostFacts } from '../../../../src/toolstack/libxl/host-facts.js';
import { parseDominfo, shutdownReasonOf, toDomainInfo } from '../../../../src/toolstack/libxl/dominfo.js';
import { librariesOf, runningRelease } from '../../../../src/toolstack/libxl/release.js';
import { libxlError, nameOfReturnCode } from '../../../../src/toolstack/libxl/return-code.js';
import { FakeNative } from './fake-native.js';

describe('release of Xen', () => {
  const files = (major: string, minor: string) => (path: string) => (path.endsWith('major') ? major : minor);

  it('is that of the running hypervisor, and names the libraries', () => {
    expect(runningRelease(files('4\n', '17\n'))).toBe('4.17');
    expect(librariesOf('4.17')).toEqual({ libxl: 'libxenlight.so.4.17', toollog: 'libxentoollog.so.1' });
  });

  it.each([
    ['4', '13'],
    ['4', '23'],
    ['5', '17'],
    ['4', 'x'],
  ])('%s.%s is refused', (major, minor) => {
    expect(() => runningRelease(files(major, minor))).toThrow(
      expect.objectContaining({ code: 'E_REFUSED_XEN_RELEASE', data: { xen: `${major}.${minor}` } }),
    );
  });

  it('no Xen at all is told as that', () => {
    const none = (): never => {
      throw new Error('ENOENT');
    };
    expect(() => runningRelease(none)).toThrow(expect.objectContaining({ code: 'E_REFUSED_NO_XEN' }));
  });
});

describe('what libxl tells', () => {
  it('of the host', async () => {
    const native = new FakeNative();
    expect(await hostFacts(native)).toEqual({
      version: '4.17.7',
      totalMemoryKiB: 4000,
      freeMemoryKiB: 1200,
      cpus: 2,
      lacks: [],
      commandLine: 'dom0_mem=max:8G',
      dom0: { memoryKiB: 1024, vcpus: 1, vcpusMax: 1 },
      guestAbis: ['xen-3.0-x86_64', 'hvm-3.0-x86_64'],
      processors: { coresPerSocket: 2, threadsPerCore: 1, cpuidWords: [64, 0] },
    });
    // libxl's JSON has four of them.
    native.hwCap = [1, 2, 3, 4, 5, 6, 7, 0x8000_0000];
    expect((await hostFacts(native)).processors.cpuidWords).toEqual(native.hwCap);
    native.codes.set('physinfo', -3);
    await expect(hostFacts(native)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAIL' });
    expect(native.allocated.size).toBe(0);
  });

  it('of a domain: what is 0 is left out, and counts have 64 bits', () => {
    const info = parseDominfo(
      '{"uuid":"23823623-66f2-4cde-b1a4-681d420c7df5","domid":4,"shutdown":true,"shutdown_reason":"suspend","cpu_time":18446744073709551615}',
    );
    expect(toDomainInfo(info, { name: undefined, maxMemoryKiB: 5 })).toEqual({
      domid: 4,
      uuid: '23823623-66f2-4cde-b1a4-681d420c7df5',
      name: '(domain 4)',
      state: 'shutdown',
      shutdownReason: 'suspend',
      memoryKiB: 0,
      maxMemoryKiB: 5,
      vcpus: 0,
      cpuTimeNs: 18446744073709551615n,
    });
  });

  it.each([
    ['2048', 2048],
    ['18446744073709551615', 1024],
    ['17179869180', 1024],
  ])('S49: a maximum of %s, where no configuration says it, is shown as %s', (max, shown) => {
    const info = parseDominfo(`{"domid":4,"current_memkb":1024,"max_memkb":${max}}`);
    expect(toDomainInfo(info, { name: 'x', maxMemoryKiB: undefined }).maxMemoryKiB).toBe(shown);
  });

  it('S48: the maximum is the configuration’s, however much Xen would let it have', () => {
    const info = parseDominfo('{"domid":4,"current_memkb":1024,"max_memkb":2176}');
    expect(toDomainInfo(info, { name: 'x', maxMemoryKiB: 2048 })).toMatchObject({
      memoryKiB: 1024,
      maxMemoryKiB: 2048,
    });
  });

  it.each([
    ['{"domid":4,"dying":true,"shutdown":true,"paused":true}', 'dying'],
    ['{"domid":4,"shutdown":true,"paused":true}', 'shutdown'],
    ['{"domid":4,"paused":true}', 'paused'],
    ['{"domid":4,"blocked":true}', 'running'],
  ])('state of %s is %s', (json, state) => {
    expect(toDomainInfo(parseDominfo(json), { name: 'x', maxMemoryKiB: undefined }).state).toBe(state);
  });

  it('reasons for a shutdown', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 255].map(shutdownReasonOf)).toEqual([
      'poweroff',
      'reboot',
      'suspend',
      'crash',
      'watchdog',
      'soft_reset',
      'unknown',
      'unknown',
    ]);
  });

  it('return codes by name, and what to do about them', () => {
    expect(nameOfReturnCode(-3)).toBe('FAIL');
    expect(nameOfReturnCode(-99)).toBe('-99');
    const error = libxlError({ doing: 'save domain 3', rc: -99, log: ['a', 'b', 'c', 'd'], domid: 3 });
    expect(error.code).toBe('E_TOOLSTACK_UNKNOWN');
    expect(error.message).toBe('libxl could not save domain 3 (ERROR_-99): a; …; c; d');
    expect(error.data).toMatchObject({ rc: -99, domid: 3, log: ['a', 'b', 'c', 'd'] });
    expect(error.hint).toBeDefined();
    expect(libxlError({ doing: 'x', rc: -5, log: [] }).code).toBe('E_TOOLSTACK_NO_MEMORY');
    expect(libxlError({ doing: 'x', rc: -24, log: [] }).code).toBe('E_TOOLSTACK_DOMAIN_GONE');
  });
});
