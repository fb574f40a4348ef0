import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ownVersion } from '../../../src/api/process/version.js';
import { defineDomain } from '../../../src/domain/definition/define.js';
import { readDefinition } from '../../../src/domain/definition/read.js';
import { parseDomainXml } from '../../../src/domain/parse.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file: relative(ROOT, join(ROOT, 'src', file)), text: read(join('src', file)) }));

/** Every place where the sources match, as `file: match`. */
function places(pattern: RegExp, folder = 'src/'): string[] {
  return sources
    .filter(({ file }) => file.startsWith(folder))
    .flatMap(({ file, text }) => [...text.matchAll(pattern)].map((match) => `${file}: ${match[0].trim()}`));
}

const PACKAGE = z
  .object({ version: z.string(), scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(read('package.json')));

describe('what the ledger asks of the code itself', () => {
  it('S12: the version has one source, and everything else follows it', () => {
    const lock = z.object({ version: z.string() }).parse(JSON.parse(read('package-lock.json')));
    expect(ownVersion()).toBe(PACKAGE.version);
    expect(lock.version).toBe(PACKAGE.version);
    expect(places(new RegExp(`['"\`]v?${PACKAGE.version.replaceAll('.', '\\.')}['"\`]`, 'g'))).toEqual([]);
  });

  it('S15: a size of memory says in its name what it is and in which unit', () => {
    expect(places(/\bactual\w*\s*[?:]/gi)).toEqual([]);
    const sizes = sources.flatMap(({ file, text }) =>
      [...text.matchAll(/readonly (\w*[mM]emory\w*)\??: (?:number|bigint)\b/g)].map(([, name]) => `${file}: ${name}`),
    );
    expect(sizes.length).toBeGreaterThan(5);
    expect(sizes.filter((size) => !/(?:KiB|MiB|GiB|Bytes|Pages)$/.test(size))).toEqual([]);
  });

  it('S18 S19: the definition of a processor knows nothing of how it runs', () => {
    expect(places(/\b(?:cpuTime|vcpuTime|affinityNow|onCpu)\w*/g, 'src/domain/')).toEqual([]);
    expect(places(/from '[^']*toolstack/g, 'src/domain/')).toEqual([]);
  });

  it('S26: what only Linux has is read in few places', () => {
    const files = new Set(
      sources
        .filter(({ text }) => /['"`]\/(?:proc|sys)\//.test(text))
        .map(({ file }) => file.split('/').slice(0, 3)[1]),
    );
    expect(
      [...files].filter((layer) => !['api', 'host', 'operations', 'migration', 'posix', 'toolstack'].includes(layer)),
    ).toEqual([]);
  });

  it('S26 S27: code that nobody uses, and code out of form, does not pass', () => {
    expect(PACKAGE.scripts.lint).toMatch(/eslint .*--max-warnings 0.*prettier --check/);
    expect(read('scripts/test')).toContain('npm run --silent lint');
    const options = z
      .object({ compilerOptions: z.record(z.string(), z.unknown()) })
      .parse(JSON.parse(read('tsconfig.json'))).compilerOptions;
    expect(options).toMatchObject({ strict: true, noUnusedLocals: true, noUnusedParameters: true });
  });

  it('S33: a parser takes what it depends on; nothing of it is kept between two documents', () => {
    expect(places(/^(?:export )?(?:let|var) \w+/gm, 'src/domain/')).toEqual([]);
    expect(places(/^(?:export )?(?:let|var) \w+/gm, 'src/xml/')).toEqual([]);
    const xml = `<domain type='xen'><name>g</name><memory>65536</memory><vcpu>1</vcpu><os><type machine='xenpvh'>xenpvh</type><kernel>/k</kernel></os></domain>`;
    const ids = ['one', 'two'].map(
      (_id, index) =>
        defineDomain(xml, {
          makeUuid: () => `5e0d0000-0000-4000-8000-00000000000${index}`,
          randomOctets: () => [1, 2, 3],
        }).domain.uuid,
    );
    expect(new Set(ids).size).toBe(2);
  });

  it('S37: every case of a union is thought of, and no rule is waived', () => {
    expect(read('eslint.config.js')).toMatch(/switch-exhaustiveness-check': \['error'/);
    expect(places(/eslint-disable|@ts-(?:ignore|nocheck|expect-error)|\bas any\b|: any\b/g)).toEqual([]);
    expect(places(/^(?:export )?(?:const )?enum \w+/gm)).toEqual([]);
  });

  it('S38: a character device is a target and a source, whatever it is', () => {
    const { definition } = readDefinition(
      parseDomainXml(
        `<domain type='xen'><name>g</name><memory>65536</memory><vcpu>1</vcpu><os><type machine='xenfv'>hvm</type></os><devices>
         <serial type='tcp'><source mode='bind' host='127.0.0.1' service='4001'/><target port='0'/></serial>
         <serial type='file'><source path='/var/log/g'/><target port='1'/></serial>
         <channel type='pty'><target type='xen' name='agent'/></channel></devices></domain>`,
      ),
    );
    const kinds = definition.devices.flatMap((device) =>
      device.kind === 'serial' || device.kind === 'channel' ? [`${device.kind} ${device.source.type}`] : [],
    );
    expect(kinds).toEqual(['serial tcp', 'serial file', 'channel pty']);
  });
});
