import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CpuSet, formatCpuSet, parseCpuSet } from '../../../src/domain/cpu-set.js';
import { formatDomainXml } from '../../../src/domain/format.js';
import { parseMemoryKiB } from '../../../src/domain/memory.js';
import { checkDomainName, withName } from '../../../src/domain/names.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { readWorkload } from '../../../src/domain/workload.js';

const example = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url)), 'utf8');
const xml = (over: Record<string, string> = {}): string => {
  const parts: Record<string, string> = {
    name: '<name>web</name>',
    uuid: '<uuid>9B3B0E2A1F0A4D558F1C6A1B2C3D4E5F</uuid>',
    memory: "<memory unit='MiB'>64</memory>",
    vcpu: "<vcpu current='1'>4</vcpu>",
    os: "<os><type machine='xenfv'>hvm</type><loader>/usr/lib/xen/boot/hvmloader</loader></os>",
    rest: "<on_crash>restart</on_crash><devices><disk type='file'><source file='/a b&amp;c'/></disk></devices>",
    ...over,
  };
  return `<domain type='xen'>${Object.values(parts).join('')}</domain>`;
};

describe('domain XML', () => {
  it('gives the model, and everything else back as it was', () => {
    const domain = parseDomainXml(xml());
    expect(domain).toMatchObject({
      name: 'web',
      uuid: '9b3b0e2a-1f0a-4d55-8f1c-6a1b2c3d4e5f',
      type: 'hvm',
      memoryMaxKiB: 65_536,
      memoryCurrentKiB: 65_536,
      vcpusMax: 4,
      vcpusCurrent: 1,
    });
    const text = formatDomainXml(domain);
    expect(text).toContain("<source file='/a b&amp;c'/>");
    expect(formatDomainXml(parseDomainXml(text))).toBe(text);
  });

  it.each(['busy.xml', 'quiet.xml', 'hvm.xml', 'pv.xml'])(
    'reads examples/%s, and keeps its workload through a round trip',
    (file) => {
      const domain = parseDomainXml(example(file));
      const again = parseDomainXml(formatDomainXml(domain));
      expect(readWorkload(again)).toEqual(readWorkload(domain));
      expect(again.name).toBe(domain.name);
    },
  );

  it.each([
    ["<type machine='xenpvh'>xenpvh</type>", 'pvh'],
    ["<type machine='xenpvh'>xen</type>", 'pvh'],
    ['<type>linux</type>', 'pv'],
    ["<type machine='xenpv'>xen</type>", 'pv'],
  ])('L01: reads %s as %s', (type, expected) => {
    expect(parseDomainXml(xml({ os: `<os>${type}</os>` })).type).toBe(expected);
  });

  it.each([
    ['a missing name', { name: '' }, '/domain/name'],
    ['two names', { name: '<name>a</name><name>b</name>' }, 'more than once'],
    ['missing memory', { memory: '' }, '/domain/memory'],
    ['memory that is no number', { memory: '<memory>lots</memory>' }, '"lots"'],
    ['an unknown unit', { memory: "<memory unit='furlong'>1</memory>" }, 'furlong'],
    ['no memory', { memory: '<memory>0</memory>' }, 'is not a size'],
    [
      'more current than maximum',
      { memory: '<memory>1024</memory><currentMemory>9999</currentMemory>' },
      'more than <memory>',
    ],
    ['a bad uuid', { uuid: '<uuid>x</uuid>' }, '/domain/uuid'],
    ["domain 0's uuid", { uuid: '<uuid>00000000-0000-0000-0000-000000000000</uuid>' }, 'domain 0'],
    ['no processor', { vcpu: '<vcpu>0</vcpu>' }, '/domain/vcpu'],
    ['more processors than the maximum', { vcpu: "<vcpu current='5'>4</vcpu>" }, 'more than the maximum'],
    ['another hypervisor', { os: '<os><type>exe</type></os>' }, 'not one of'],
  ])('refuses %s, naming it', (_what, over, message) => {
    expect(() => parseDomainXml(xml(over))).toThrow(message);
  });

  it('refuses a document that is not about a Xen domain', () => {
    expect(() => parseDomainXml("<domain type='kvm'/>")).toThrow(/must be 'xen'/);
    expect(() => parseDomainXml('<network/>')).toThrow(/must be <domain>/);
  });

  it('makes a uuid for a definition without one', () => {
    expect(parseDomainXml(xml({ uuid: '' }), { makeUuid: () => '11111111-2222-4333-8444-555555555555' }).uuid).toBe(
      '11111111-2222-4333-8444-555555555555',
    );
  });
});

describe('what is carried along', () => {
  it('keeps the processors that a guest may run on', () => {
    const domain = parseDomainXml(xml({ vcpu: "<vcpu placement='static' cpuset='4,0-3,^2'>2</vcpu>" }));
    expect(domain.vcpuCpuset).toEqual(CpuSet.of([0, 1, 3, 4]));
    expect(formatDomainXml(domain)).toContain("<vcpu cpuset='0-1,3-4'>2</vcpu>");
    expect(parseDomainXml(formatDomainXml(domain)).vcpuCpuset).toEqual(domain.vcpuCpuset);
    expect(() => parseDomainXml(xml({ vcpu: "<vcpu cpuset='9-1'>2</vcpu>" }))).toThrow('@cpuset');
  });

  it('reads a set of processors that is longer than it need be, and none that is longer than any need be', () => {
    expect(parseCpuSet('0-4095,'.repeat(9000) + '^7')?.size).toBe(4095);
    expect(parseCpuSet('0-4095,'.repeat(10_000) + '^7')).toBeUndefined();
  });

  it('gives back any set of processors as it was', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 300 }), { minLength: 1 }), (cpus) => {
        const set = parseCpuSet(formatCpuSet(CpuSet.of(cpus)));
        expect(set).toEqual(CpuSet.of(cpus));
        const ascending = cpus.toSorted((a, b) => a - b);
        expect([...(set ?? [])]).toEqual(ascending);
        expect(set?.size).toBe(cpus.length);
        expect(set?.last).toBe(ascending.at(-1));
        expect(CpuSet.fromBytes(set?.toBytes() ?? new Uint8Array())).toEqual(set);
        expect(ascending.every((cpu) => set?.has(cpu))).toBe(true);
      }),
    );
  });

  it.each(['', ',', '1-', '-1', 'a', '1,,2', '^1', '1,^1', '5000', '3-1'])(
    'takes %j for no set of processors',
    (text) => {
      expect(parseCpuSet(text)).toBeUndefined();
    },
  );

  it('keeps the namespaces that were declared further up', () => {
    const text = xml({
      rest: "<metadata xmlns:e='urn:xenferry:embedded:1'><e:guest tickMs='20'/></metadata><x:commandline><x:arg value='-v'/></x:commandline>",
    }).replace('<domain ', "<domain xmlns:x='http://libvirt.org/schemas/domain/xen/1.0' xmlns:unused='u' ");
    const domain = parseDomainXml(text);
    expect(readWorkload(domain).tickMs).toBe(20);
    const out = formatDomainXml(domain);
    expect(out).toContain("<x:commandline xmlns:x='http://libvirt.org/schemas/domain/xen/1.0'>");
    expect(out).not.toContain('unused');
    expect(readWorkload(parseDomainXml(out)).tickMs).toBe(20);
  });

  it('S39: loads a stored definition whose name would not be taken today', () => {
    const old = xml({ name: '<name>a\nb</name>' });
    expect(parseDomainXml(old, { trust: 'stored' }).name).toBe('a\nb');
    expect(() => parseDomainXml(old, { trust: 'peer' })).toThrow('new line');
  });

  it.each(['peer', 'stored'] as const)('makes up no uuid for a definition from %s', (trust) => {
    expect(() => parseDomainXml(xml({ uuid: '' }), { trust })).toThrow('/domain/uuid');
  });
});

describe('S39: domain names', () => {
  it.each(['a\nb', '', 'a/b', 'a\u0007', '..', ' a', 'a ', 'x'.repeat(201), 'Domain-0', 'a\u200e'])(
    'refuses %j',
    (name) => {
      expect(() => checkDomainName(name)).toThrow(expect.objectContaining({ code: 'E_USAGE_DOMAIN_NAME' }) as Error);
      expect(() => withName(parseDomainXml(xml()), name)).toThrow(
        expect.objectContaining({ code: 'E_USAGE_DOMAIN_NAME' }) as Error,
      );
      expect(() => parseDomainXml(xml({ name: `<name>${name}</name>` }))).toThrow();
    },
  );

  it.each(['web', 'web-1.example', 'ünï', 'a b', 'NAME--incoming'])('takes %j', (name) => {
    expect(checkDomainName(name)).toBe(name);
  });
});

describe('memory sizes', () => {
  it.each([
    ['65536', undefined, 65_536],
    ['1', 'GiB', 1_048_576],
    ['1', 'G', 1_048_576],
    ['1000000', 'KB', 976_896],
    ['1', 'b', 1024],
    ['1', 'gb', 976_896],
    ['1', 'mib', 1024],
    ['65', 'MiB', 66_560],
  ])('L22: %s %s is %d KiB, a whole MiB', (text, unit, kib) => {
    expect(parseMemoryKiB(text, unit)).toBe(kib);
  });
});

describe('workload of an embedded guest', () => {
  const withMetadata = (inside: string): ReturnType<typeof parseDomainXml> =>
    parseDomainXml(xml({ rest: `<metadata>${inside}</metadata>` }));
  const ns = "xmlns:e='urn:xenferry:embedded:1'";

  it('has real proportions by default, and reads every attribute and fault', () => {
    expect(readWorkload(parseDomainXml(xml()))).toMatchObject({
      zeroPercent: 45,
      duplicatePercent: 7,
      randomPercent: 12,
      faults: [],
    });
    const workload = readWorkload(
      withMetadata(`<e:guest ${ns} tickMs='20' seed='7'><e:fault name='refuse-suspend' timeoutMs='5'/></e:guest>`),
    );
    expect(workload).toMatchObject({ tickMs: 20, seed: 7 });
    expect(workload.faults[0].name).toBe('refuse-suspend');
    expect(workload.faults[0].attributes.get('timeoutMs')).toBe('5');
  });

  it('leaves the metadata of others alone', () => {
    expect(readWorkload(withMetadata("<o:x xmlns:o='other' tickMs='x'/>")).tickMs).toBe(10);
  });

  it.each([
    [`<e:guest ${ns} tickMs='0'/>`, '@tickMs'],
    [`<e:guest ${ns} zeroPercent='60' randomPercent='60'/>`, 'more than 100'],
    [`<e:guest ${ns} speed='9'/>`, '@speed'],
    [`<e:other ${ns}/>`, '<e:other>'],
    [`<e:guest ${ns}><e:fault/></e:guest>`, 'has no name'],
    [`<e:guest ${ns}><e:falt name='x'/></e:guest>`, '<e:falt>'],
    [`<e:guest ${ns}/><e:guest ${ns}/>`, 'more than once'],
  ])('refuses %s, naming it', (inside, message) => {
    expect(() => readWorkload(withMetadata(inside))).toThrow(message);
  });
});
