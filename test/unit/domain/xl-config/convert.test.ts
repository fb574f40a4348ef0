import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CpuSet } from '../../../../src/domain/cpu-set.js';
import { applyDefaults } from '../../../../src/domain/definition/defaults.js';
import type { Definition } from '../../../../src/domain/definition/model.js';
import { readDefinition } from '../../../../src/domain/definition/read.js';
import { toDomain } from '../../../../src/domain/definition/write.js';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { toLibxlConfig } from '../../../../src/domain/libxl-json/to-libxl.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { nativeFormat, type NativeFormat } from '../../../../src/domain/xl-config/formats.js';
import { fromXlConfig, type FromConfig } from '../../../../src/domain/xl-config/from-config.js';
import { toXlConfig } from '../../../../src/domain/xl-config/to-config.js';
import { RefusedError, UsageError, XenferryError } from '../../../../src/errors/errors.js';
import { completeDefinition } from '../definitions.js';

const UUID = '9b3b0e2a-1f0a-4d55-8f1c-6a1b2c3d4e5f';
const context = { randomOctets: (): [number, number, number] => [1, 2, 3] };
const from = (source: string, format: NativeFormat = 'xen-xl'): FromConfig =>
  fromXlConfig(source, { format, makeUuid: () => UUID });
const complete = (definition: Definition): Definition => applyDefaults(definition, context);

/** Without much of what xm had no word for. */
function forXm(definition: Definition): Definition {
  const { os, features, devices } = definition;
  return {
    ...definition,
    os: { ...os, firmware: undefined, acpiTables: undefined },
    features: { ...features, passthrough: undefined },
    deviceModelArgs: [],
    devices: devices.filter(
      (device) =>
        device.kind !== 'channel' &&
        !(device.kind === 'serial' && device.port !== 0) &&
        !(device.kind === 'controller' && device.type === 'usb') &&
        !(device.kind === 'hostdev' && device.type === 'usb') &&
        !(device.kind === 'disk' && (device.backendDomain ?? device.discard) !== undefined) &&
        // xm's prefix says what serves the disk; there is none that leaves it open.
        !(device.kind === 'disk' && device.device === 'disk' && device.driver === undefined),
    ),
  };
}

function throughXml(definition: Definition): Definition {
  return readDefinition(parseDomainXml(formatDomainXml(toDomain(definition)))).definition;
}

describe('S02: native configurations', () => {
  it('have two names, and no more', () => {
    expect([nativeFormat('xen-xl'), nativeFormat('xen-xm')]).toEqual(['xen-xl', 'xen-xm']);
    expect(() => nativeFormat('xl')).toThrow('unsupported config type xl');
    expect(() => nativeFormat('xen-sxpr')).toThrow(UsageError);
  });

  it.each(['xen-xl', 'xen-xm'] as const)('%s keeps its meaning through XML and back', (format) => {
    let converted = 0;
    fc.assert(
      fc.property(completeDefinition, (made) => {
        const definition = format === 'xen-xm' ? forXm(made) : made;
        if (format === 'xen-xm' && definition.type === 'pvh') return;
        let cfg: string;
        try {
          cfg = toXlConfig(definition, format);
        } catch (error) {
          // xm cannot say everything; xl's own syntax can say all that these have.
          if (format === 'xen-xm' && error instanceof RefusedError) return;
          throw error;
        }
        converted += 1;
        const { definition: back, warnings } = from(cfg, format);
        expect(warnings).toEqual([]);
        const again = complete(throughXml(back));
        expect(toXlConfig(again, format)).toBe(cfg);
        expect(toLibxlConfig(again)).toEqual(toLibxlConfig(definition));
      }),
      { numRuns: 100 },
    );
    expect(converted).toBeGreaterThan(5);
  });

  it('are read or refused with a typed error, whatever they contain', () => {
    const key = fc.constantFrom(
      'name',
      'type',
      'disk',
      'vif',
      'vfb',
      'pci',
      'usbdev',
      'usbctrl',
      'channel',
      'vnuma',
      'cpus',
      'cpuid',
      'memory',
      'vcpus',
      'serial',
      'boot',
      'tsc_mode',
      'vnc',
      'uuid',
      'on_crash',
    );
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'hvm',
        'pv',
        '1',
        'phy:/dev/x,xvda,w',
        'mac=00:16:3e:00:00:01,bridge=b',
        '05:00.0',
        'host,x=1',
        'a=b,c',
        '0-3',
        'format=raw,vdev=xvda,target=/x',
      ),
    );
    const value: fc.Arbitrary<string> = fc.oneof(
      word.map((text) => JSON.stringify(text)),
      fc.array(word, { maxLength: 3 }).map((words) => JSON.stringify(words)),
      fc.constant('[["size=4","vcpus=0"]]'),
    );
    fc.assert(
      fc.property(fc.dictionary(key, value), (settings) => {
        const source = Object.entries({ name: '"x"', ...settings })
          .map(([one, text]) => `${one} = ${text}`)
          .join('\n');
        try {
          formatDomainXml(toDomain(complete(from(source).definition)));
        } catch (error) {
          expect(error).toBeInstanceOf(XenferryError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a file for xl', () => {
  it('is read as a definition', () => {
    const { definition, warnings } = from(`
name = "web"
builder = "hvm"
uuid = "${UUID.toUpperCase()}"
memory = 512
maxmem = 1024
vcpus = 2
maxvcpus = 4
cpus = ["0-1", "all", "2"]
boot = "dc"
bios = "ovmf"
viridian = 1
rtc_timeoffset = "-3600"
cpuid = "host,avx2=0"
disk = [ '/dev/vg/web,raw,xvda,rw', 'format=qcow2,vdev=xvdb,access=ro,target=/a,b.qcow2', ',hdc:cdrom,r', 'tap:qcow2:/q,xvdc,w' ]
vif = [ 'mac=0:16:3e:a:b:c,bridge=ovsbr0.7,script=vif-openvswitch,rate=8Mb/s', 'type=vif' ]
vnc = 1
vncdisplay = 3
serial = ['pty', 'tcp:127.0.0.1:4555,server,nowait']
usbdevice = 'tablet'
pci = ['05:00.1,permissive=1', '0000:06:1f.0']
usbctrl = ['version=1,ports=4']
usbdev = ['hostbus=1,hostaddr=16']
channel = ['connection=socket,path=/run/a,name=org.a']
on_crash = "coredump-restart"
memroy = 1
`);
    expect(warnings).toEqual(['line 26: memroy is not carried over: it is not a key of xl.cfg(5) or of xm']);
    expect(definition).toMatchObject({
      type: 'hvm',
      uuid: UUID,
      memoryMaxKiB: 1024 * 1024,
      memoryCurrentKiB: 512 * 1024,
      vcpusMax: 4,
      vcpusCurrent: 2,
      pins: [
        { vcpu: 0, cpus: CpuSet.of([0, 1]) },
        { vcpu: 2, cpus: CpuSet.of([2]) },
      ],
      os: { boot: ['cdrom', 'hd'], firmware: 'efi' },
      clock: { base: { offset: 'variable', adjustmentSeconds: -3600 } },
      cpu: { features: [{ name: 'avx2', policy: 'disable' }] },
      lifecycle: { onPoweroff: 'destroy', onReboot: 'restart', onCrash: 'coredump-restart' },
    });
    expect(definition.devices).toMatchObject([
      { kind: 'disk', target: 'xvda', source: { type: 'block', path: '/dev/vg/web' }, readonly: false },
      { kind: 'disk', target: 'xvdb', source: { path: '/a,b.qcow2' }, format: 'qcow2', readonly: true },
      { kind: 'disk', target: 'hdc', device: 'cdrom', source: { path: undefined } },
      { kind: 'disk', target: 'xvdc', source: { path: '/q' }, format: 'qcow2', readonly: false },
      { kind: 'controller', model: 'qusb1', ports: 4 },
      {
        kind: 'interface',
        mac: '00:16:3e:0a:0b:0c',
        source: { bridge: 'ovsbr0' },
        vlan: { tags: [{ id: 7 }] },
        outbound: { average: 977 },
      },
      { kind: 'interface', model: 'netfront' },
      { kind: 'serial', source: { type: 'pty' } },
      { kind: 'serial', source: { type: 'tcp', mode: 'bind' } },
      { kind: 'input', type: 'tablet', bus: 'usb' },
      { kind: 'channel', name: 'org.a' },
      { kind: 'graphics', type: 'vnc' },
      // libxl's own choice.
      { kind: 'video', model: 'cirrus' },
      { kind: 'hostdev', address: { bus: 5, slot: 0, function: 1 }, writeFiltering: false },
      { kind: 'hostdev', address: { bus: 6, slot: 31, function: 0 } },
      // Decimal, as xl reads it.
      { kind: 'hostdev', identity: { bus: 1, device: 16 } },
    ]);
  });

  it('of a PV guest has framebuffers, a command line of root and extra, and defaults of xl or xm', () => {
    const source = `name = 'pv'\nkernel = '/k'\nroot = '/dev/xvda1 ro'\nextra = 'quiet'\nvfb = ['type=vnc,vncunused=1']`;
    expect(from(source).definition).toMatchObject({
      type: 'pv',
      memoryMaxKiB: 128 * 1024,
      vcpusMax: 1,
      os: { kernel: '/k', cmdline: 'root=/dev/xvda1 ro quiet' },
      lifecycle: { onCrash: 'destroy' },
      devices: [{ kind: 'graphics', type: 'vnc', port: undefined }],
    });
    expect(from(source, 'xen-xm').definition.lifecycle.onCrash).toBe('restart');
  });

  it.each([
    ["disk = ['/x,raw']", 'line 2, column 9: disk: the name in the guest'],
    ["disk = ['/x,floppy,xvda']", '"floppy" is not a format'],
    ["disk = ['/x,raw,xvda,rw,more']", 'one parameter too many'],
    ["vif = ['mac=00:16']", 'line 2, column 8: vif: "00:16" is not a MAC address'],
    ["vif = ['rate=fast']", 'rate "fast"'],
    ["pci = ['nonsense']", 'pci: "nonsense"'],
    ['memory = "much"', 'line 2, column 10: memory: "much" is not a number'],
    ['vcpus = 4\nmaxvcpus = 2', 'less than vcpus'],
    ["cpus = '^all'", 'cpus: "^all" is not a list of processors'],
    ["usbdev = ['hostbus=1']", 'hostaddr must be given'],
    ['name = ["x"]', 'must be a string'],
    ["on_reboot = 'again'", '"again" is not one of'],
  ])('S07: says where %j is wrong', (line, message) => {
    expect(() => from(`name = 'x'\n${line}`)).toThrow(message);
  });

  it('without a card stays without one', () => {
    const { definition } = from('name = "a"\ntype = "hvm"\nmemory = 64\nserial = "pty"\nvga = "none"\n');
    const config = toLibxlConfig(complete(throughXml(definition)));
    expect(config).toMatchObject({ b_info: { 'type.hvm': { vga: { kind: 'none' }, nographic: 'True' } } });
  });

  it('is not written for what it has no word for', () => {
    const { definition } = from("name = 'x'\ntype = 'pvh'\nkernel = '/k'");
    expect(() => toXlConfig(complete(definition), 'xen-xm')).toThrow(RefusedError);
    expect(toXlConfig(complete(definition), 'xen-xl')).toContain('type = "pvh"\n');
  });
});
