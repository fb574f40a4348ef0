import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { wordsOf } from '../../src/domain/cpu/cpu-features.js';
import { cpuModel } from '../../src/domain/cpu/cpu-models.js';
import { guestXml, TwoHosts, type TestHost } from '../support/hosts.js';
import { PROGRAM } from '../support/program.js';

let hosts: TwoHosts;
beforeEach(async () => {
  hosts = await TwoHosts.make();
});
afterEach(async () => {
  await hosts[Symbol.asyncDispose]();
});

function write(name: string, text: string): string {
  const path = join(hosts.root, name);
  writeFileSync(path, text);
  return path;
}

/** Lets a host have a processor that has what Xen reports of a model, and more. */
function becomes(host: TestHost, model: string, ...more: readonly string[]): void {
  const words = wordsOf([...cpuModel(model)!.features, ...more]);
  const hwCaps = words.map((word) => word.toString(16).padStart(8, '0')).join(':');
  mkdirSync(host.dir, { recursive: true, mode: 0o700 });
  writeFileSync(join(host.dir, 'host.json'), JSON.stringify({ hostname: host.name, cpus: 4, hwCaps }));
}

/** Domain XML with a `<cpu>` in it. */
const withCpu = (cpu: string): string => guestXml({ name: 'web1', mib: 16 }).replace('</os>', `</os>${cpu}`);

describe('S30 S32: cpu-compare', () => {
  it('a bare <cpu>, domain XML and capabilities, in virsh’s words', async () => {
    const { a } = hosts;
    becomes(a, 'Haswell-noTSX', 'vmx');
    const own = write('own.xml', await a.must('capabilities'));
    expect(await a.must('cpu-compare', own)).toBe(`CPU described in ${own} is identical to host CPU\n`);
    const domain = write('web1.xml', withCpu("<cpu mode='custom' match='exact'><model>Nehalem</model></cpu>"));
    expect(await a.must('cpu-compare', domain)).toBe(`Host CPU is a superset of CPU described in ${domain}\n`);
    const passed = write('passed.xml', withCpu("<cpu mode='host-passthrough'/>"));
    expect(await a.must('cpu-compare', passed)).toBe(`CPU described in ${passed} is identical to host CPU\n`);
    const bare = write('bare.xml', "<cpu match='exact'><model>Haswell</model></cpu>");
    expect(await a.run('cpu-compare', bare)).toEqual({
      code: 1,
      stdout: `CPU described in ${bare} is incompatible with host CPU\n`,
      stderr: expect.stringContaining('try the CPU model Haswell-noTSX') as string,
    });
    const refused = await a.run('cpu-compare', bare, '--error');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('error E_CPU_INCOMPATIBLE: CPU described in');
    expect(refused.stderr).toContain('is incompatible with host CPU: missing features: hle, rtm\n');
  });

  it('for scripts', async () => {
    const { a } = hosts;
    becomes(a, 'SandyBridge');
    const file = write('cpu.xml', "<cpu match='exact'><model>Skylake-Client</model></cpu>");
    const { code, stdout, stderr } = await a.run('cpu-compare', file, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      result: 'incompatible',
      missing: expect.arrayContaining(['avx2', 'hle']) as string[],
      unwanted: [],
      unknown: ['arat'],
      instead: null,
    });
    expect(stderr).toContain('not compared, since Xen does not report it here: arat');
    expect(JSON.parse((await a.run('cpu-compare', file, '--json', '--error')).stdout)).toMatchObject({
      result: 'incompatible',
    });
  });

  it('what cannot be compared says so', async () => {
    const { a, b } = hosts;
    const file = write('cpu.xml', '<cpu><model>Nehalem</model></cpu>');
    expect(await a.run('cpu-compare', file)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('`hwCaps` in its host.json') as string,
    });
    becomes(b, 'Nehalem');
    for (const [text, what] of [
      [withCpu(''), 'contains no CPU'],
      ['<cpu/><cpu/>', 'holds 2 CPUs'],
      ['<cpu>', 'line 1'],
      ['<cpu><model>Nehale</model></cpu>', 'unknown CPU model Nehale'],
    ]) {
      const finished = await b.run('cpu-compare', write('bad.xml', text));
      expect(finished).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(what) as string });
    }
    expect(await b.run('cpu-compare', join(hosts.root, 'absent.xml'))).toMatchObject({ code: 2 });
    expect(await b.run('cpu-compare', '/dev/zero')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is longer than 4194304 bytes') as string,
    });
  });
});

it('S31: cpu-baseline of two hosts runs on both', async () => {
  const { a, b } = hosts;
  becomes(a, 'Broadwell', 'vmx', 'f16c', 'rdrand', 'vme', 'invtsc');
  becomes(b, 'Haswell-noTSX', 'vmx', 'f16c', 'invtsc');
  const all = write('all.xml', (await a.must('capabilities')) + (await b.must('capabilities')));
  const text = await a.must('cpu-baseline', all);
  expect(text).toBe(`<cpu mode='custom' match='exact'>
  <model fallback='allow'>Haswell-noTSX</model>
  <feature policy='require' name='f16c'/>
  <feature policy='require' name='invtsc'/>
  <feature policy='require' name='vmx'/>
</cpu>
`);
  const piped = spawnSync(process.execPath, [PROGRAM, ...a.words('cpu-baseline', '-')], { input: readFileSync(all) });
  expect(piped.stdout.toString()).toBe(text);
  const file = write('baseline.xml', text);
  expect(await a.must('cpu-compare', file)).toMatch(/^Host CPU is a superset/);
  expect(await b.must('cpu-compare', file)).toMatch(/is identical to host CPU$/m);
  const expanded = await a.must('cpu-baseline', all, '--features', '--migratable');
  expect(expanded).toContain("<feature policy='require' name='avx2'/>");
  expect(expanded).not.toContain('invtsc');
  expect(await a.run('cpu-baseline', write('none.xml', '<hosts/>'))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('contains no CPU') as string,
  });
});

it('S11: domcapabilities of each machine', async () => {
  const { a } = hosts;
  expect(await a.must('domcapabilities')).toContain('<machine>xenpv</machine>');
  const text = await a.must('domcapabilities', '--machine', 'xenfv', '--arch', 'i686', '--emulatorbin', '/opt/qemu');
  expect(text).toContain('<path>/opt/qemu</path>');
  expect(text).toContain('<arch>i686</arch>');
  expect(text).toContain('/boot/hvmloader</value>');
  for (const words of [
    ['--virttype', 'kvm'],
    ['--arch', 'vax'],
    ['--machine', 'q35'],
  ]) {
    expect(await a.run('domcapabilities', ...words)).toMatchObject({ code: 2, stdout: '' });
  }
  expect(await a.run('domcapabilities', '--arch', 'aarch64')).toMatchObject({ code: 3 });
});
