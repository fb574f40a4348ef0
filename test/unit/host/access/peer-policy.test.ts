import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PeerPolicy, type PeerRules } from '../../../../src/host/access/peer-policy.js';
import { LEAVE_KINDS, PeerLeaves } from '../../../../src/host/access/peer-leaves.js';
import type { BeyondXml } from '../../../../src/domain/libxl-json/beyond-xml.js';
import type { Domain } from '../../../../src/domain/model.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { RefusedError } from '../../../../src/errors/errors.js';

const guest = (devices = '', os = '<type>hvm</type>', more = ''): Domain =>
  parseDomainXml(`<domain type='xen'><name>web1</name><uuid>${randomUUID()}</uuid><memory>65536</memory>
    ${more}<os>${os}</os><devices>${devices}</devices></domain>`);
const disk = (path: string, kind = 'file'): string =>
  `<disk type='${kind}'><source ${kind === 'file' ? 'file' : 'dev'}='${path}'/><target dev='xvda'/></disk>`;
const card = (inside: string): string =>
  `<interface type='bridge'><mac address='00:16:3e:01:02:03'/><source bridge='br0'/>${inside}</interface>`;

const setting = (key: string, value: string): string =>
  `<metadata><xl:settings xmlns:xl='urn:xenferry:xl:1'><xl:setting key='${key}' value='${value}'/></xl:settings></metadata>`;

const UP = guest(disk('/srv/../etc/shadow'));
const PROTOCOL = guest(disk('fat:rw:/etc'));

async function objections(
  domain: Domain,
  rules: PeerRules = {},
  own: readonly Domain[] = [],
  reaching: readonly BeyondXml[] = [],
): Promise<RefusedError | undefined> {
  try {
    await new PeerPolicy(rules).check({ name: 'web1', domains: [domain], reaching, own: () => own });
    return undefined;
  } catch (error) {
    if (error instanceof RefusedError) return error;
    throw error;
  }
}

describe('a guest of another host', () => {
  it('may have what is usual', async () => {
    const usual = guest(
      `<emulator>/usr/lib/xen-4.17/bin/qemu-system-i386</emulator>
       ${disk('/var/lib/libvirt/images/web1.qcow2')}
       ${card("<script path='/etc/xen/scripts/vif-bridge'/>")}
       <serial type='pty'/><console type='pty'/>
       <channel type='unix'><source mode='bind' path='/srv/run/agent'/><target type='xen' name='a'/></channel>
       <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/>
       <graphics type='spice' port='6000' listen='::1'/>`,
      `<type>hvm</type><loader type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader><kernel>/usr/lib/xen-4.17/boot/x</kernel>`,
    );
    expect(await objections(usual)).toBeUndefined();
    const pv = guest(
      '',
      '<type>linux</type>',
      '<bootloader>pygrub</bootloader><bootloader_args>--kernel=/vmlinuz</bootloader_args>',
    );
    expect(await objections(pv)).toBeUndefined();
  });

  it.each<[string, Domain]>([
    ['a file', guest(disk('/etc/shadow'))],
    ['a device', guest(disk('/dev/sda', 'block'))],
    ['a path that goes up', UP],
    ['what the device model would take for a protocol', PROTOCOL],
    ['a kernel', guest('', '<type>hvm</type><kernel>/etc/shadow</kernel>')],
    ['a ramdisk', guest('', '<type>hvm</type><kernel>/srv/k</kernel><initrd>/etc/shadow</initrd>')],
    ['firmware', guest('', "<type>hvm</type><loader type='pflash'>/etc/shadow</loader>")],
    ['an ACPI table', guest('', "<type>hvm</type><acpi><table type='slic'>/etc/shadow</table></acpi>")],
    ['a file of a serial port', guest("<serial type='file'><source path='/etc/cron.d/owned'/></serial>")],
    ['a device of one', guest("<serial type='dev'><source path='/dev/sda'/></serial>")],
    ['a pipe of one', guest("<serial type='pipe'><source path='/run/x'/></serial>")],
    [
      'a socket',
      guest("<channel type='unix'><source mode='bind' path='/run/x'/><target type='xen' name='a'/></channel>"),
    ],
  ])('may not name %s outside of guest_paths', async (_, domain) => {
    expect(await objections(domain)).toMatchObject({
      code: 'E_REFUSED_GUEST_PATH',
      hint: expect.stringContaining('guest_paths') as string,
    });
    const isNoPath = domain === UP || domain === PROTOCOL;
    expect((await objections(domain, { guestPaths: ['/'] }))?.code).toBe(isNoPath ? 'E_REFUSED_GUEST_PATH' : undefined);
  });

  it.each<[string, Domain, string]>([
    ['an emulator', guest('<emulator>/tmp/x</emulator>'), 'emulator:/tmp/x'],
    [
      'device model arguments',
      guest(
        '',
        '<type>hvm</type>',
        "<xen:commandline xmlns:xen='http://libvirt.org/schemas/domain/xen/1.0'><xen:arg value='-s'/></xen:commandline>",
      ),
      'device-model-args:-s',
    ],
    ['arguments in the model of a card', guest(card("<model type='e1000,romfile=/etc/shadow'/>")), 'device-model-args'],
    ['arguments in the name of an interface', guest(card("<target dev='a,script=/tmp/x'/>")), 'device-model-args'],
    ['a boot loader', guest('', '<type>linux</type>', '<bootloader>/tmp/x</bootloader>'), 'bootloader:/tmp/x'],
    [
      "files of the host in a boot loader's arguments",
      guest(
        '',
        '<type>linux</type>',
        '<bootloader>pygrub</bootloader><bootloader_args>--output=/etc/cron.d/x</bootloader_args>',
      ),
      'bootloader-args:--output=/etc/cron.d/x',
    ],
    [
      'a script of a disk',
      guest(disk('/srv/x').replace('</disk>', "<xl:options xmlns:xl='urn:xenferry:xl:1' script='/tmp/x'/></disk>")),
      'script:/tmp/x',
    ],
    ['a script', guest(card("<script path='/tmp/x'/>")), 'script:/tmp/x'],
    [
      'a network device of the host',
      guest(card("<xl:options xmlns:xl='urn:xenferry:xl:1' gatewaydev='eth0'/>")),
      'network-device:eth0',
    ],
    [
      'arguments in a VLAN',
      guest(card("<xl:options xmlns:xl='urn:xenferry:xl:1' vlan='10 -- set'/>")),
      'network-device:10 -- set',
    ],
    [
      'arguments in a bridge',
      guest(card('').replace("bridge='br0'", "bridge='br0 dev eth0 down'")),
      'network-device:br0 dev eth0 down',
    ],
    ['an option for a bridge', guest(card('').replace("bridge='br0'", "bridge='--br0'")), 'network-device:--br0'],
    [
      'a graphics card of the host in the settings for xl',
      guest('', undefined, setting('gfx_passthru', '1')),
      'field:b_info.type.hvm.gfx_passthru',
    ],
    ['a pool of processors', guest('', undefined, setting('pool', 'fast')), 'field:c_info.pool_name'],
    ['memory for devices', guest('', undefined, setting('rdm', 'strategy=host')), 'field:b_info.type.hvm.rdm.strategy'],
    ['memory for traces', guest('', undefined, setting('vmtrace_buf_kb', '65536')), 'field:b_info.vmtrace_buf_kb'],
    [
      "memory of the hypervisor beyond libxl's own",
      guest('', undefined, setting('shadow_memory', '100000')),
      'field:b_info.shadow_memkb',
    ],
    [
      "arguments in Spice's settings",
      guest('', undefined, setting('spice_image_compression', 'off,addr=0.0.0.0')),
      'field:b_info.type.hvm.spice.image_compression',
    ],
    [
      'a script above the folder',
      guest(card("<script path='/etc/xen/scripts/../x'/>")),
      'script:/etc/xen/scripts/../x',
    ],
    [
      'a PCI device',
      guest(
        "<hostdev mode='subsystem' type='pci'><source><address bus='0x03' slot='0x02' function='0x1'/></source></hostdev>",
      ),
      'pci:0000:03:02.1',
    ],
    [
      'a USB device',
      guest("<hostdev mode='subsystem' type='usb'><source><address bus='1' device='6'/></source></hostdev>"),
      'usb:1.6',
    ],
    [
      'a USB device by its kind',
      guest(
        "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1d6b'/><product id='0x0002'/></source></hostdev>",
      ),
      'usb:1d6b:0002',
    ],
    ['a screen for all to see', guest("<graphics type='vnc' port='-1' listen='0.0.0.0'/>"), 'listen:0.0.0.0'],
    [
      'a spice screen for all to see',
      guest("<graphics type='spice' port='6000' listen='192.0.2.1'/>"),
      'listen:192.0.2.1',
    ],
    ['a screen of the host', guest("<graphics type='sdl' display=':1' xauth='/root/.Xauthority'/>"), 'sdl::1'],
    [
      'a port that listens',
      guest("<serial type='tcp'><source mode='bind' host='0.0.0.0' service='4444'/></serial>"),
      'listen:0.0.0.0',
    ],
    [
      'a connection from the host',
      guest("<serial type='tcp'><source mode='connect' host='127.0.0.1' service='22'/></serial>"),
      'connect:127.0.0.1',
    ],
    [
      'a disk of a cluster',
      guest("<disk type='network'><source protocol='rbd' name='pool/image'/><target dev='xvda'/></disk>"),
      'network-disk:rbd:pool/image',
    ],
    [
      'a disk that another domain serves',
      guest("<disk type='block'><source dev='/dev/x'/><backenddomain name='stor'/><target dev='xvda'/></disk>"),
      'backend-domain:stor',
    ],
  ])('may not name %s, unless peers_may allows it', async (_, domain, leave) => {
    const error = await objections(domain);
    expect(error).toMatchObject({ code: 'E_REFUSED_PEER_MAY', hint: expect.stringContaining(leave) as string });
    const [kind] = leave.split(':', 1);
    expect(await objections(domain, { peersMay: [kind] })).toBeUndefined();
    const one = leave === kind ? kind : leave;
    expect(await objections(domain, { peersMay: [one] })).toBeUndefined();
    expect((await objections(domain, { peersMay: LEAVE_KINDS.filter((other) => other !== kind) }))?.code).toBe(
      'E_REFUSED_PEER_MAY',
    );
  });

  it.each([
    ['timer_mode', 'one_missed_tick_pending'],
    ['shadow_memory', '2'],
    ['pool', 'Pool-0'],
    ['gfx_passthru', '0'],
    ['rdm', 'policy=strict'],
    ['hdtype', 'ahci'],
    ['spice_image_compression', 'lz4'],
  ])('may set %s to %s, which is its own affair', async (key, value) => {
    expect(await objections(guest('', undefined, setting(key, value)))).toBeUndefined();
  });

  it('may be on a bridge of Open vSwitch with VLANs', async () => {
    for (const bridge of ['xenbr0', 'ovsbr0.10', 'ovsbr0.10:20', 'br-lan']) {
      expect(await objections(guest(card('').replace('br0', bridge)))).toBeUndefined();
    }
  });

  it('may have a field of its toolstack that reaches the host by name alone', async () => {
    const reaching = [{ path: 'p9s', kind: 'reaches' as const, why: 'parts of the host are handed to the guest' }];
    expect(await objections(guest(), {}, [], reaching)).toMatchObject({
      code: 'E_REFUSED_PEER_MAY',
      message: expect.stringContaining('p9s') as string,
      hint: expect.stringContaining('field:p9s') as string,
    });
    expect(await objections(guest(), { peersMay: ['field:p9s'] }, [], reaching)).toBeUndefined();
  });

  it("may have disks where this host's own definitions have theirs, until the configuration names folders", async () => {
    const own = [guest(disk('/data/vms/own.img'))];
    const sent = guest(disk('/data/vms/web1.img'));
    expect((await objections(sent))?.code).toBe('E_REFUSED_GUEST_PATH');
    expect(await objections(sent, {}, own)).toBeUndefined();
    expect((await objections(sent, { guestPaths: ['/srv'] }, own))?.code).toBe('E_REFUSED_GUEST_PATH');
  });

  it('may boot the kernel of this host, and read no other file of its folder', async () => {
    const boots = (file: string, inside = ''): Domain =>
      guest('', `<type>linux</type><kernel>${file}</kernel>${inside}`);
    expect(await objections(boots('/boot/vmlinuz-6.1.0-18-amd64'))).toBeUndefined();
    for (const other of [
      '/boot/initrd.img-6.1.0',
      '/boot/grub/grub.cfg',
      '/boot/vmlinuz/../grub/grub.cfg',
      '/boot/..',
    ]) {
      expect((await objections(boots(other)))?.code, other).toBe('E_REFUSED_GUEST_PATH');
    }
    const ramdisk = boots('/boot/vmlinuz', '<initrd>/boot/initrd.img</initrd>');
    expect((await objections(ramdisk))?.hint).toContain('kernel:/boot/initrd.img');
    expect(await objections(ramdisk, { peersMay: ['kernel:/boot/'] })).toBeUndefined();
    // What may be read so is not a disk to be written to.
    for (const path of ['/boot/vmlinuz', '/usr/share/OVMF/OVMF_VARS.fd']) {
      expect((await objections(guest(disk(path)), { peersMay: ['kernel'] }))?.code).toBe('E_REFUSED_GUEST_PATH');
    }
  });

  it('is told of everything at once', async () => {
    const error = await objections(guest(disk('/etc/shadow') + card("<script path='/tmp/x'/>")));
    expect(error?.message).toMatch(/disk xvda: "\/etc\/shadow"; network card .*: script "\/tmp\/x"/);
    expect(error?.hint).toMatch(/guest_paths.*peers_may = \["script:\/tmp\/x"\]/);
  });
});

describe('entries of peers_may', () => {
  it.each(['', 'x', 'listen:', 'path:/etc', 'emulators', 'Listen'])('%j is none', (entry) => {
    expect(() => new PeerLeaves([entry])).toThrow(expect.objectContaining({ code: 'E_USAGE_PEERS_MAY' }) as Error);
  });

  it.each([
    [['script:/opt/scripts/'], 'script', '/opt/scripts/x', true],
    [['script:/opt/scripts/'], 'script', '/opt/scripts/../x', false],
    [['script:/opt/scripts'], 'script', '/opt/scripts/x', false],
    [['network-disk:rbd:pool/'], 'network-disk', 'rbd:pool/a', true],
    [['listen'], 'listen', '0.0.0.0', true],
    [['listen:0.0.0.0'], 'listen', '0.0.0.0', true],
    [['listen:0.0.0.0'], 'listen', '::', false],
    [[], 'sdl', ':0', false],
  ] as const)('%j: %s %s: %s', (entries, kind, value, allowed) => {
    expect(new PeerLeaves(entries).allows(kind, value)).toBe(allowed);
  });

  it('a mistake leaves the rules as they are', async () => {
    const policy = new PeerPolicy({ peersMay: ['emulator'] });
    expect(() => policy.replace({ peersMay: ['nonsense'] })).toThrow('nonsense');
    await policy.check({ name: 'web1', domains: [guest('<emulator>/tmp/x</emulator>')], reaching: [], own: () => [] });
  });
});
