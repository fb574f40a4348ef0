import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { Definitions } from '../../../../src/host/registry/definitions.js';
import { guest } from '../../toolstack/rig.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-definitions-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('the definitions of a host', () => {
  it('are read back as they were, by another process as well, and are for their owner only', () => {
    const domain = guest({ name: 'web1' });
    new Definitions(dir).put({ domain, autostart: true });
    expect(readdirSync(dir)).toEqual([`${domain.uuid}.json`]);
    expect(statSync(join(dir, `${domain.uuid}.json`)).mode & 0o777).toBe(0o600);
    const again = new Definitions(dir).get(domain.uuid);
    expect(again?.autostart).toBe(true);
    expect(again && formatDomainXml(again.domain)).toBe(formatDomainXml(domain));
    expect(new Definitions(dir).all()).toMatchObject({ definitions: [{ autostart: true }], damaged: [] });
  });

  it('are replaced whole, and forgotten once', () => {
    const all = new Definitions(dir);
    const domain = guest({ name: 'web1' });
    all.put({ domain, autostart: false });
    all.put({ domain: { ...domain, vcpusMax: 8 }, autostart: false });
    expect(all.get(domain.uuid)?.domain.vcpusMax).toBe(8);
    expect(readdirSync(dir)).toHaveLength(1);
    expect(all.remove(domain.uuid)).toBe(true);
    expect(all.remove(domain.uuid)).toBe(false);
    expect(all.get(domain.uuid)).toBeUndefined();
  });

  it.each([
    ['nothing', '', /JSON/],
    ['half a file', '{"format":"xenferry-def', /JSON/],
    ['another format', '{"format":"x","version":1}', /field format/],
    ['a version of tomorrow', '{"format":"xenferry-definition","version":2,"cells":[]}', /format version 2.*up to 1/],
    ['a field too many', '{"format":"xenferry-definition","version":1,"autostart":false,"xml":"<x/>","y":1}', /y/],
    ['XML of something else', '{"format":"xenferry-definition","version":1,"autostart":false,"xml":"<x/>"}', /<x>/],
    ['far too much', 'x'.repeat(4 * 1024 * 1024 + 1), /at most/],
  ])('S23: a file with %s is told, with its path, and does not hide the others', (_what, text, why) => {
    const all = new Definitions(dir);
    const domain = guest({ name: 'web1' });
    const uuid = randomUUID();
    all.put({ domain, autostart: false });
    writeFileSync(join(dir, `${uuid}.json`), text);
    writeFileSync(join(dir, 'notes.txt'), 'not ours');
    const { definitions, damaged } = all.all();
    expect(definitions.map((one) => one.domain.name)).toEqual(['web1']);
    expect(damaged).toMatchObject([{ uuid, error: { code: 'E_SYSTEM_DEFINITION' } }]);
    expect(damaged[0].error.message).toMatch(why);
    expect(damaged[0].error.message).toContain(join(dir, `${uuid}.json`));
    expect(() => all.get(uuid)).toThrow(expect.objectContaining({ code: 'E_SYSTEM_DEFINITION' }));
    expect(all.remove(uuid)).toBe(true);
  });

  it('refuses the file of another domain', () => {
    const domain = guest({ name: 'web1' });
    const uuid = randomUUID();
    const text = { format: 'xenferry-definition', version: 1, autostart: false, xml: formatDomainXml(domain) };
    writeFileSync(join(dir, `${uuid}.json`), JSON.stringify(text));
    expect(() => new Definitions(dir).get(uuid)).toThrow(domain.uuid);
  });

  it('S39: a name of before names were checked is read and forgotten', () => {
    const all = new Definitions(dir);
    const domain = { ...guest(), name: 'web\n1' };
    all.put({ domain, autostart: false });
    expect(all.all().definitions[0].domain.name).toBe('web\n1');
    expect(all.remove(domain.uuid)).toBe(true);
  });

  it('keeps the old one where the new one cannot be written', () => {
    const all = new Definitions(dir);
    const domain = guest({ name: 'web1' });
    all.put({ domain, autostart: false });
    rmSync(dir, { recursive: true });
    writeFileSync(dir, 'in the way');
    chmodSync(dir, 0o600);
    expect(() => all.put({ domain, autostart: true })).toThrow(expect.objectContaining({ code: 'E_SYSTEM_REGISTRY' }));
    expect(readFileSync(dir, 'utf8')).toBe('in the way');
  });
});
