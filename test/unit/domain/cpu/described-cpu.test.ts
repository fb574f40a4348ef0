import { describe, expect, it } from 'vitest';
import { MAX_CPU_FILE_BYTES, readCpus } from '../../../../src/domain/cpu/described-cpu.js';
import { codeOf } from '../../../../src/errors/message-of.js';

const HOST =
  '<cpu><arch>x86_64</arch><model>Haswell</model><topology sockets="1" cores="2" threads="1"/><feature name="vmx"/></cpu>';
const GUEST = '<cpu mode="custom" match="exact"><model>EPYC</model></cpu>';
const CAPABILITIES = `<capabilities><host>${HOST}<topology><cells><cell><cpus><cpu id="0"/></cpus></cell></cells></topology></host></capabilities>`;
const DOMAIN = `<domain type="xen"><name>web1</name>${GUEST}</domain>`;

const models = (text: string): (string | undefined)[] => readCpus(text, 'f.xml').map(({ model }) => model);

function failure(text: string): { code: string; message: string } {
  try {
    readCpus(text, 'f.xml');
  } catch (error) {
    return { code: codeOf(error), message: (error as Error).message };
  }
  throw new Error('nothing is wrong with it');
}

describe('S30 S31: the CPUs of a file', () => {
  it.each([
    ['bare', GUEST, ['EPYC']],
    ['in domain XML', DOMAIN, ['EPYC']],
    ['in capabilities, where processors of a node are no CPUs', CAPABILITIES, ['Haswell']],
    [
      'one behind the other, each with a declaration',
      `<?xml version="1.0"?>${HOST}\n<?xml version='1.0' encoding='UTF-8'?>\n${GUEST}`,
      ['Haswell', 'EPYC'],
    ],
    ['of several documents', `${CAPABILITIES}${DOMAIN}${HOST}`, ['Haswell', 'EPYC', 'Haswell']],
    ['in an element around them', `<hosts>${CAPABILITIES}<of-mine>${HOST}</of-mine></hosts>`, ['Haswell', 'Haswell']],
    ['behind a byte order mark', `\uFEFF<?xml version="1.0"?>\n${HOST}`, ['Haswell']],
    ['in none', '<domain type="xen"/><capabilities/><capabilities><host/></capabilities>', []],
    ['in nothing', '', []],
    ['in words', 'no XML', []],
  ])('%s', (_where, text, expected) => {
    expect(models(text)).toEqual(expected);
  });

  it('are read with what libvirt has beside it', () => {
    const [cpu] = readCpus(
      `<cpu mode='host-model' check='partial'><arch>x86_64</arch><model fallback='forbid'>IvyBridge</model><vendor>Intel</vendor>
       <microcode version='1'/><signature family='6' model='58' stepping='9'/><counter name='tsc' frequency='1' scaling='no'/>
       <topology sockets='1' dies='1' clusters='1' cores='4' threads='2'/><maxphysaddr mode='emulate' bits='36'/>
       <feature name='vmx'/><feature policy='disable' name='rdrand'/><pages unit='KiB' size='4'/></cpu>`,
      'f.xml',
    );
    expect(cpu).toMatchObject({ mode: 'host-model', arch: 'x86_64', model: 'IvyBridge', vendor: 'Intel' });
    expect(cpu.features).toEqual([
      { name: 'vmx', policy: 'require' },
      { name: 'rdrand', policy: 'disable' },
    ]);
  });

  it.each([
    ['<cpu>', 'E_USAGE_CPU_XML', 'f.xml: line 1'],
    ['<cpu/>\n<cpu/>\n<cpu x=1/>', 'E_USAGE_CPU_XML', 'f.xml: line 3'],
    ['<?xml version="1.0"\n?>\n<cpu></cpus>', 'E_USAGE_CPU_XML', 'f.xml: line 3'],
    ['<!DOCTYPE cpu [<!ENTITY a "b">]><cpu/>', 'E_USAGE_CPU_XML', 'f.xml: line 1'],
    ['</cpus><cpus>', 'E_USAGE_CPU_XML', 'f.xml'],
    ['<cpu mode="best"/>', 'E_USAGE_DOMAIN_XML', '"best" is not one of custom, host-model'],
    ['<cpu match="some"/>', 'E_USAGE_DOMAIN_XML', '/cpu/@match'],
    ['<cpu><model>A</model><model>B</model></cpu>', 'E_USAGE_DOMAIN_XML', 'more than once'],
    ['<cpu><feature policy="require"/></cpu>', 'E_USAGE_DOMAIN_XML', '/cpu/feature/@name (line 1): is missing'],
    ['<cpu><feature name="aes" policy="perhaps"/></cpu>', 'E_USAGE_DOMAIN_XML', '"perhaps" is not one of'],
    ['<cpu><feature name="a&#x202e;b"/></cpu>', 'E_USAGE_DOMAIN_XML', 'is not a name of a CPU or of a feature'],
    [`<cpu><model>${'x'.repeat(100_000)}</model></cpu>`, 'E_USAGE_DOMAIN_XML', 'is not a name'],
    [
      '<cpu><arch>x86_64</arch><topology sockets="1" cores="1" threads="1"/></cpu>',
      'E_USAGE_CPU',
      'contains only its architecture',
    ],
  ])('%s: %s', (text, code, message) => {
    const found = failure(text);
    expect(found.code).toBe(code);
    expect(found.message).toContain(message);
    expect(found.message.length).toBeLessThan(300);
  });

  it('are no more than a file may hold', () => {
    expect(failure(' '.repeat(MAX_CPU_FILE_BYTES)).code).toBe('E_USAGE_CPU_XML');
    expect(failure('<a>'.repeat(1000)).code).toBe('E_USAGE_CPU_XML');
    expect(failure('<cpu/>'.repeat(200_001)).code).toBe('E_USAGE_CPU_XML');
    expect(models('<cpu/>'.repeat(1000))).toHaveLength(1000);
  });
});
