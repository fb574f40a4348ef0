import { describe, expect, it } from 'vitest';
import type { Prepare } from '../../../src/control/messages.js';
import { bakeCookie } from '../../../src/cookie/cookie.js';
import { readSentGuest, type SentGuest } from '../../../src/dest/sent-guest.js';
import { readDefinition } from '../../../src/domain/definition/read.js';
import { toDomain } from '../../../src/domain/definition/write.js';
import { formatDomainXml } from '../../../src/domain/format.js';
import { fromLibxlConfig } from '../../../src/domain/libxl-json/from-libxl.js';
import { readConfig } from '../../../src/toolstack/libxl/domain-config.js';
import { changed, LIVE_CONFIGS } from '../domain/libxl-json/live-configs.js';

const HVM = 'an HVM guest of 4.17 with PCI, spice, USB and two serial ports';
const PV = 'a PV guest of 4.17 with pygrub, a framebuffer and vkb';
const PVH = 'a PVH guest of 4.20 with vNUMA, channels and paravirtual USB';
type Config = Record<string, Record<string, unknown>>;

/** A prepare whose XML is of one configuration, and whose native form is another. */
function prepare(xmlOf: unknown, native: unknown, more: Partial<Prepare> = {}): Prepare {
  const domain = toDomain(fromLibxlConfig(xmlOf).definition);
  const cookie = bakeCookie({ name: domain.name, uuid: domain.uuid, hostname: 'hv1', streamVersion: 2 });
  return {
    type: 'prepare',
    migration: '4a1c9f0e-0000-4000-8000-0000000000ff',
    epoch: 1,
    xml: formatDomainXml(domain),
    ...(native === undefined ? {} : { native: { format: 'libxl-json', text: JSON.stringify(native) } }),
    cookie: Buffer.from(cookie).toString('base64'),
    lanes: 1,
    windowBytes: 1024,
    ...more,
  };
}
const read = (request: Prepare): SentGuest => readSentGuest(request, [2]);
const hvm = (config: Config): Config => config.b_info['type.hvm'] as Config;
const first = (config: Config, list: string): Record<string, unknown> =>
  (config[list] as unknown as Record<string, unknown>[])[0];

describe('what a source says of its guest, and what its toolstack would run', () => {
  it.each(Object.entries(LIVE_CONFIGS))('%s: are one', (_, config) => {
    const { domain, reaching } = read(prepare(config, config, { dname: 'other' }));
    expect(domain.name).toBe('other');
    expect(reaching).toEqual([]);
    const { definition } = readDefinition(domain, { lenient: true });
    expect(definition.memoryMaxKiB).toBe((config.b_info as Record<string, unknown>).max_memkb);
  });

  it('and the definition to be kept is that of the same guest', () => {
    const config = LIVE_CONFIGS[PVH];
    const kept = toDomain(fromLibxlConfig(config).definition);
    const uuid = '00000000-1111-4222-8333-444444444444';
    const request = (xml: string): Prepare => prepare(config, config, { persist: { xml } });
    expect(read(request(formatDomainXml(kept))).definition?.uuid).toBe(kept.uuid);
    expect(() => read(request(formatDomainXml({ ...kept, uuid })))).toThrow(
      expect.objectContaining({ code: 'E_PROTOCOL_DEFINITION', message: expect.stringContaining(uuid) as unknown }),
    );
  });

  it('are one where the source has looked up what serves its disks, and which of them are shared', () => {
    const config = LIVE_CONFIGS[PVH];
    const text = JSON.stringify(changed(PVH, (one) => delete first(one, 'disks').backend));
    const { domain } = readConfig(text, { backends: { xvda: 'qdisk' } });
    const xml = formatDomainXml(domain).replace("<target dev='xvda'/>", "<target dev='xvda'/><shareable/>");
    const shared = xml.includes('<shareable/>')
      ? xml
      : xml.replace(/<target dev="xvda"\/>/, '<target dev="xvda"/><shareable/>');
    expect(shared).toContain('<shareable/>');
    const sent = read({ ...prepare(config, undefined), xml: shared, native: { format: 'libxl-json', text } });
    const { devices } = readDefinition(sent.domain, { lenient: true }).definition;
    expect(devices.find(({ kind }) => kind === 'disk')).toMatchObject({ shareable: true, driver: undefined });
  });

  it.each<[string, string, (config: Config) => unknown]>([
    ['currentMemory', PV, ({ b_info: b }) => (b.target_memkb = 1048576)],
    ['memory', PV, ({ b_info: b }) => (b.max_memkb = 512 * 1024 * 1024)],
    ['vcpu', PV, ({ b_info: b }) => (b.max_vcpus = 8)],
    ['devices/disk[xvda]', PV, (config) => (first(config, 'disks').pdev_path = '/dev/sda')],
    ['devices/disk[xvda]', PV, (config) => (first(config, 'disks').backend_domname = 'stor')],
    ['devices/disk[xvda]', PV, (config) => (first(config, 'disks').readwrite = 0)],
    ['devices/disk[xvdc]', PV, (config) => (first(config, 'disks').vdev = 'xvdc')],
    ['devices/disk[xvdb]', PV, (config) => (config.disks as unknown as unknown[]).pop()],
    ['devices/disk[xvda]/driver', PV, (config) => (first(config, 'disks').backend = 'qdisk')],
    ['devices/disk[xvda]/script', PV, (config) => (first(config, 'disks').script = '/tmp/x')],
    ['devices/emulator', HVM, ({ b_info: b }) => (b.device_model = '/bin/sh')],
    ['devices/interface', PV, (config) => (first(config, 'nics').script = '/tmp/x')],
    ['devices/interface', PV, (config) => (first(config, 'nics').bridge = 'admin')],
    ['devices/interface', PV, (config) => (first(config, 'nics').mac = '00:16:3e:09:09:09')],
    ['devices/serial[1]', HVM, (config) => (hvm(config).serial_list = ['pty', 'file:/etc/cron.d/owned'] as never)],
    ['os/kernel', PVH, ({ b_info: b }) => (b.kernel = '/etc/shadow')],
    ['os/initrd', PVH, ({ b_info: b }) => (b.ramdisk = '/etc/shadow')],
    ['os/cmdline', PVH, ({ b_info: b }) => (b.cmdline = 'init=/bin/sh')],
    ['os/loader', HVM, (config) => (hvm(config).system_firmware = '/etc/shadow' as never)],
    ['os/boot', HVM, (config) => (hvm(config).boot = 'n' as never)],
    ['os/type', PV, ({ c_info: c, b_info: b }) => ((c.type = 'pvh'), delete b['type.pv'])],
    ['bootloader', PV, ({ b_info: b }) => (b.bootloader = '/tmp/x')],
    ['bootloader_args', PV, ({ b_info: b }) => (b.bootloader_args = ['--output=/etc/x'])],
    ['commandline', HVM, ({ b_info: b }) => (b.extra = ['-chardev', 'file,path=/etc/x'])],
    ['devices/graphics[vnc]', HVM, (config) => (hvm(config).vnc = { enable: 'True', listen: '0.0.0.0' })],
    ['devices/graphics[spice]', HVM, (config) => Object.assign(hvm(config).spice, { host: '0.0.0.0' })],
    ['devices/hostdev[pci](2)', HVM, (config) => (config.pcidevs as unknown as unknown[]).push({ bus: 9 })],
    ['devices/hostdev[usb]', PVH, (config) => (first(config, 'usbdevs')['type.hostdev'] = { hostbus: 2, hostaddr: 2 })],
    [
      'devices/channel[org.example.agent]',
      PVH,
      (config) => (first(config, 'channels')['connection.socket'] = { path: '/etc/x' }),
    ],
    ['on_crash', PV, (config) => (config.on_crash = 'restart' as never)],
    ['clock', PVH, ({ b_info: b }) => (b.rtc_timeoffset = 7200)],
    ['features/hap', PVH, ({ c_info: c }) => (c.hap = 'False')],
    ['cpu', PVH, ({ b_info: b }) => (b.nested_hvm = 'True')],
  ])('where they differ in %s the guest is refused, by name', (field, name, change) => {
    expect(() => read(prepare(LIVE_CONFIGS[name], changed(name, change)))).toThrow(
      expect.objectContaining({
        code: 'E_REFUSED_NATIVE_DIFFERS',
        message: expect.stringContaining(field) as string,
        hint: expect.stringContaining('--xml') as string,
      }) as Error,
    );
  });

  it('names fields, and no values, for these may be passwords', () => {
    const other = changed(HVM, (config) => Object.assign(hvm(config).vnc, { passwd: 'hunter2' }));
    try {
      read(prepare(LIVE_CONFIGS[HVM], other));
      expect.unreachable();
    } catch (error) {
      expect(String(error)).toContain('graphics[vnc]');
      expect(JSON.stringify(error)).not.toMatch(/hunter2|secret/);
    }
  });

  it('a part that only the guest notices may be missing in the XML of an older release', () => {
    const without = changed(PVH, ({ b_info: b }) => (delete b.nested_hvm, delete b.cpuid, delete b.vnuma_nodes));
    const { domain } = read(prepare(without, LIVE_CONFIGS[PVH]));
    expect(readDefinition(domain, { lenient: true }).definition.cpu?.numa).toHaveLength(2);
  });

  it('what the XML has no words for and reaches the host is told of', () => {
    const p9 = changed(PV, (config) => (config.p9s = [{ path: '/', tag: 'x' }] as never));
    expect(read(prepare(LIVE_CONFIGS[PV], p9)).reaching.map(({ path }) => path)).toEqual(['p9s']);
  });

  it('a configuration that cannot be read is refused with its path', () => {
    const broken = changed(PV, ({ b_info: b }) => (b.max_memkb = 'much'));
    expect(() => read(prepare(LIVE_CONFIGS[PV], broken))).toThrow(/b_info\.max_memkb/);
  });
});
