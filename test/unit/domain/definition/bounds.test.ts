import { describe, expect, it } from 'vitest';
import { readDefinition } from '../../../../src/domain/definition/read.js';
import { CpuSet } from '../../../../src/domain/cpu-set.js';
import { toLibxlConfig } from '../../../../src/domain/libxl-json/to-libxl.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';

const xml = (more: string, vcpus = 2): string =>
  `<domain type='xen'><name>g</name><uuid>5e0d0000-0000-4000-8000-000000000001</uuid><memory>65536</memory><vcpu>${vcpus}</vcpu>
  <os><type machine='xenpv'>linux</type><kernel>/k</kernel></os>${more}</domain>`;

const read = (more: string, vcpus = 2): ReturnType<typeof readDefinition> =>
  readDefinition(parseDomainXml(xml(more, vcpus)), { lenient: true });

const many = (count: number, one: string): string => one.repeat(count);
const disk = (inner: string): string =>
  `<devices><disk type='network'><source protocol='rbd' name='p/d'>${inner}</source><target dev='xvda'/></disk></devices>`;
const nic = (inner: string): string =>
  `<devices><interface type='bridge'><source bridge='b'/>${inner}</interface></devices>`;

describe('lists that a peer can make long', () => {
  it('20 000 pins of processors are refused before one is read', () => {
    const pins = `<cputune>${many(19_000, "<vcpupin vcpu='0' cpuset='0-4095'/>")}</cputune>`;
    const domain = parseDomainXml(xml(pins));
    const before = process.memoryUsage().heapUsed;
    expect(() => readDefinition(domain, { lenient: true })).toThrow(/cputune\/vcpupin .*occurs 19000 times/);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
  });

  it('one pin for each processor is kept, and the others are named', () => {
    const pins = [0, 1, 1, 7].map((vcpu) => `<vcpupin vcpu='${vcpu}' cpuset='${vcpu}-4095'/>`).join('');
    const { definition, warnings } = read(`<cputune>${pins}</cputune>`);
    expect(definition.pins).toEqual([
      { vcpu: 0, cpus: CpuSet.ALL },
      { vcpu: 1, cpus: CpuSet.range(1, 4095) },
    ]);
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toContain('vcpu 7');
  });

  it.each([
    ['timers', `<clock offset='utc'>${many(9, "<timer name='tsc'/>")}</clock>`],
    ['boot devices', null],
    ['features', `<cpu>${many(1025, "<feature name='x'/>")}</cpu>`],
    ['NUMA cells', `<cpu><numa>${many(129, "<cell cpus='0' memory='1'/>")}</numa></cpu>`],
    [
      'distances',
      `<cpu><numa><cell cpus='0' memory='1'><distances>${many(129, "<sibling id='0' value='10'/>")}</distances></cell></numa></cpu>`,
    ],
    [
      'arguments',
      `<xen:commandline xmlns:xen='http://libvirt.org/schemas/domain/xen/1.0'>${many(1025, "<xen:arg value='x'/>")}</xen:commandline>`,
    ],
  ])('%s have a bound of their own', (_what, more) => {
    const text = more === null ? xml('').replace('<kernel>', `${many(5, "<boot dev='hd'/>")}<kernel>`) : xml(more);
    expect(() => readDefinition(parseDomainXml(text), { lenient: true })).toThrow(/occurs \d+ times, more than \d+/);
  });

  it.each([
    ['servers of a disk', disk(many(65, "<host name='h'/>"))],
    ['addresses of an interface', nic(many(65, "<ip address='192.0.2.1'/>"))],
    ['VLANs of an interface', nic(`<vlan>${many(4096, "<tag id='1'/>")}</vlan>`)],
  ])('%s have one as well: such a device is carried unread', (_what, more) => {
    const { definition, warnings } = read(more);
    expect(definition.devices.map(({ kind }) => kind)).toEqual(['opaque']);
    expect(warnings.join('\n')).toMatch(/occurs \d+ times, more than \d+/);
  });

  it('ignored content is listed up to a bound', () => {
    const { warnings } = read(many(15_000, '<strange/>'));
    expect(warnings).toHaveLength(101);
    expect(warnings.at(-1)).toContain('further ones');
  });

  it('sets of processors for thousands of vcpus are not written out', () => {
    const { definition } = read("<cputune><vcpupin vcpu='4000' cpuset='0-4094'/></cputune>", 4096);
    expect(() => toLibxlConfig({ ...definition, pins: [{ vcpu: 4000, cpus: CpuSet.ALL }] })).toThrow('4096 vcpus');
  });
});
