import { describe, expect, it } from 'vitest';
import { CpuSet } from '../../../../src/domain/cpu-set.js';
import { defineDomain } from '../../../../src/domain/definition/define.js';
import type { Definition } from '../../../../src/domain/definition/model.js';
import { fromLibxlConfig } from '../../../../src/domain/libxl-json/from-libxl.js';
import { toLibxlConfig } from '../../../../src/domain/libxl-json/to-libxl.js';
import { ProtocolError, RefusedError } from '../../../../src/errors/errors.js';
import { guest, PV_OS, PVH_OS } from '../definition/guests.js';

const context = { randomOctets: (): [number, number, number] => [1, 2, 3] };
const define = (parts: Parameters<typeof guest>[0]): Definition => defineDomain(guest(parts), context).definition;

const bridge = (more = '', tag = ''): string =>
  `<interface type='bridge'><mac address='00:16:3e:0a:0b:0c'/><source bridge='xenbr0'/>${more}</interface>${tag}`;

describe("a definition in libxl's JSON", () => {
  it('is a PVH guest with kernel, disk, network card', () => {
    const definition = define({
      os: PVH_OS.replace('</os>', '<initrd>/boot/initrd</initrd><cmdline>console=hvc0</cmdline></os>'),
      vcpu: "<vcpu current='2'>4</vcpu>",
      devices: `<disk type='file'><driver name='qemu' type='qcow2'/><source file='/srv/a.qcow2'/><target dev='xvda'/></disk>${bridge()}`,
    });
    expect(toLibxlConfig(definition)).toEqual({
      c_info: { type: 'pvh', name: 'web', uuid: '9b3b0e2a-1f0a-4d55-8f1c-6a1b2c3d4e5f' },
      b_info: {
        max_vcpus: 4,
        avail_vcpus: [0, 1],
        max_memkb: 262_144,
        target_memkb: 262_144,
        kernel: '/boot/vmlinuz',
        ramdisk: '/boot/initrd',
        cmdline: 'console=hvc0',
        'type.pvh': {},
      },
      disks: [
        {
          pdev_path: '/srv/a.qcow2',
          vdev: 'xvda',
          backend: 'qdisk',
          format: 'qcow2',
          removable: 1,
          readwrite: 1,
          is_cdrom: 0,
        },
      ],
      nics: [{ devid: 0, mac: '00:16:3e:0a:0b:0c', bridge: 'xenbr0', nictype: 'vif' }],
      on_poweroff: 'destroy',
      on_reboot: 'restart',
      on_crash: 'destroy',
    });
  });

  it('S46: gives an HVM guest firmware, screen, card and an empty drive', () => {
    const config = toLibxlConfig(
      define({
        os: "<os><type>hvm</type><loader type='pflash' readonly='yes'>/fw/ovmf.fd</loader><boot dev='cdrom'/><boot dev='hd'/></os>",
        more: "<features><acpi/></features><clock offset='variable' adjustment='-3600'/><on_reboot>rename-restart</on_reboot>",
        devices: `<disk type='file' device='cdrom'><target dev='hdc'/></disk>${bridge("<model type='e1000'/>")}
          <graphics type='vnc' port='5907' autoport='no' passwd='secret' keymap='de'/><input type='tablet' bus='usb'/>
          <serial type='pty'/><serial type='file'><source path='/log'/></serial><sound model='ich6'/>`,
      }),
    );
    expect(config).toMatchObject({
      b_info: {
        acpi: 'True',
        apic: 'False',
        rtc_timeoffset: 2 ** 32 - 3600,
        video_memkb: 8192,
        'type.hvm': {
          bios: 'ovmf',
          system_firmware: '/fw/ovmf.fd',
          pae: 'True',
          boot: 'dc',
          vga: { kind: 'cirrus' },
          vnc: { enable: 'True', listen: '127.0.0.1', passwd: 'secret', display: 7, findunused: 'False' },
          sdl: { enable: 'False' },
          keymap: 'de',
          serial_list: ['pty', 'file:/log'],
          usb: 'True',
          usbdevice_list: ['tablet'],
          soundhw: 'hda',
        },
      },
      disks: [{ vdev: 'hdc', format: 'empty', readwrite: 0, is_cdrom: 1 }],
      nics: [{ nictype: 'vif_ioemu', model: 'e1000' }],
      on_reboot: 'restart_rename',
    });
    expect(config).not.toHaveProperty('vfbs');
  });

  it('gives a PV guest its framebuffer, a keyboard beside it, and pins', () => {
    expect(
      toLibxlConfig(
        define({
          os: PV_OS,
          more: "<cputune><shares>512</shares><vcpupin vcpu='1' cpuset='0-2,^1'/></cputune>",
          devices: "<graphics type='vnc' listen='0.0.0.0'/>",
        }),
      ),
    ).toMatchObject({
      b_info: {
        vcpu_hard_affinity: [CpuSet.ALL, CpuSet.of([0, 2])],
        numa_placement: 'False',
        sched_params: { weight: 512 },
      },
      vfbs: [{ devid: 0, vnc: { enable: 'True', listen: '0.0.0.0', findunused: 'True' } }],
      vkbs: [{ devid: 0 }],
    });
  });

  it('S21 S13: gives USB controllers, USB and PCI devices', () => {
    expect(
      toLibxlConfig(
        define({
          devices: `<controller type='usb' model='qusb1' ports='4'/><controller type='xenbus' maxEventChannels='2047'/>
            <hostdev mode='subsystem' type='usb'><source><address bus='1' device='3'/></source></hostdev>
            <hostdev mode='subsystem' type='pci' managed='yes'><source writeFiltering='no'><address bus='5' slot='2'/></source></hostdev>`,
        }),
      ),
    ).toMatchObject({
      b_info: { event_channels: 2047 },
      usbctrls: [{ type: 'qusb', devid: 0, version: 1, ports: 4 }],
      usbdevs: [{ 'type.hostdev': { hostbus: 1, hostaddr: 3 } }],
      pcidevs: [{ domain: 0, bus: 5, dev: 2, func: 0, permissive: true, seize: true }],
    });
  });

  it('tells of VLANs, rates and rbd images as Xen has them', () => {
    expect(
      toLibxlConfig(
        define({
          os: PV_OS,
          devices: `${bridge("<vlan trunk='yes'><tag id='42' nativeMode='untagged'/><tag id='43'/></vlan><virtualport type='openvswitch'/><bandwidth><outbound average='1024'/></bandwidth>")}
            <disk type='network'><source protocol='rbd' name='pool/image'><host name='mon1' port='6789'/><host name='mon2'/></source><target dev='xvda'/></disk>`,
        }),
      ),
    ).toMatchObject({
      nics: [
        {
          bridge: 'xenbr0.42:43',
          script: 'vif-openvswitch',
          rate_bytes_per_interval: 52_428,
          rate_interval_usecs: 50_000,
        },
      ],
      disks: [
        { pdev_path: String.raw`rbd:pool/image:auth_supported=none:mon_host=mon1\:6789\;mon2`, backend: 'qdisk' },
      ],
    });
  });

  it.each([
    ["<interface type='network'><source network='default'/></interface>", 'default'],
    [
      "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>",
      'vendor and product',
    ],
    ["<graphics type='spice' autoport='yes'/>", 'spice'],
    [
      "<disk type='network'><source protocol='rbd' name='p/i'><auth username='a'><secret type='ceph' usage='x'/></auth></source><target dev='xvda'/></disk>",
      'secret',
    ],
  ])('is refused for what libxl has no word for: %s', (devices, what) => {
    expect(() => toLibxlConfig(define({ devices }))).toThrow(RefusedError);
    expect(() => toLibxlConfig(define({ devices }))).toThrow(what);
  });
});

describe("libxl's JSON as a definition", () => {
  const least = {
    c_info: { type: 'HVM', name: 'x', uuid: '9B3B0E2A-1F0A-4D55-8F1C-6A1B2C3D4E5F' },
    b_info: { max_memkb: 4096 },
  };

  it("reads what libxl leaves out as libxl's default", () => {
    const { definition } = fromLibxlConfig(least);
    expect(definition).toMatchObject({
      type: 'hvm',
      uuid: '9b3b0e2a-1f0a-4d55-8f1c-6a1b2c3d4e5f',
      vcpusMax: 1,
      lifecycle: { onPoweroff: 'destroy', onReboot: 'destroy', onCrash: 'destroy' },
      clock: { base: { offset: 'utc' } },
    });
    // The type's part is missing, so that no device model was configured.
    expect(definition.devices).toEqual([]);
    const withPart = { ...least, b_info: { ...least.b_info, 'type.hvm': {} } };
    expect(fromLibxlConfig(withPart).definition.devices).toMatchObject([
      { kind: 'graphics', type: 'vnc' },
      { kind: 'video', model: 'cirrus' },
    ]);
  });

  it('names what domain XML has no form for', () => {
    const config = { ...least, p9s: [{ tag: 'x' }], b_info: { ...least.b_info, ioports: [{ first: 1, number: 2 }] } };
    expect(fromLibxlConfig(config).warnings).toEqual([
      'p9s: domain XML has no form for it',
      'b_info.ioports: domain XML has no form for it',
    ]);
  });

  it('names the field that is wrong', () => {
    const config = { ...least, disks: [{ vdev: 'xvda', format: 'floppy' }] };
    expect(() => fromLibxlConfig(config)).toThrow(ProtocolError);
    expect(() => fromLibxlConfig(config)).toThrow('disks.0.format');
  });
});
