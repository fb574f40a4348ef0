import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { guestXml, TwoHosts } from '../support/hosts.js';

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

it('a domain from its definition to its end, by the verbs alone', async () => {
  const { a } = hosts;
  const xml = guestXml({ name: 'web1', mib: 16 }).replace('<vcpu>1<', '<vcpu>2<');
  expect(await a.must('define', '--validate', write('web1.xml', xml))).toMatch(/^Domain web1 defined from /);
  expect(await a.must('list')).not.toContain('web1');
  expect(await a.must('list', '--all', '--no-autostart', '--persistent', '--name')).toBe('web1\n');
  await a.must('autostart', 'web1');
  expect(await a.must('list', '--inactive', '--autostart', '--uuid')).toMatch(/^[0-9a-f-]{36}\n$/);
  await a.must('setvcpus', 'web1', '1', '--config');
  await a.must('setmem', 'web1', '8M', '--config');
  expect(await a.must('start', 'web1')).toMatch(/^Domain web1 started, id \d+, running/);
  expect(await a.must('vcpucount', 'web1')).toBe(
    ['maximum config 2', 'maximum live 2', 'current config 1', 'current live 1']
      .map((line) =>
        line.replace(/(\w+) (\w+) /, (_, which: string, of: string) => `${which.padEnd(12)} ${of.padEnd(12)} `),
      )
      .join('\n') + '\n',
  );
  expect(await a.must('domstate', '--reason', 'web1')).toBe('running (booted)\n');
  await a.must('managedsave', 'web1', '--progress', 'none');
  const refused = await a.run('undefine', 'web1');
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('E_REFUSED_MANAGED_SAVE') as string });
  expect(await a.must('start', 'web1')).toContain('started from its saved state');
  expect(await a.must('shutdown', 'web1', '--mode', 'paravirt')).toContain('asked by paravirt');
  await a.must('destroy', 'web1');
  await a.must('undefine', 'web1');
  expect(await a.must('list', '--all', '--json')).toBe('[]\n');
});

it('S50: migrate --persistent --undefinesource over one encrypted connection', async () => {
  const { a, b } = hosts;
  await a.must('define', write('web1.xml', guestXml({ name: 'web1', mib: 16 })));
  await a.must('start', 'web1');
  await b.serve();
  const { result } = await a.migrate('web1', b, '--p2p', '--tunnelled', '--persistent', '--undefinesource');
  expect(result).toMatchObject({ result: 'done', persistent: true, warnings: [] });
  expect(await a.must('list', '--all', '--json')).toBe('[]\n');
  expect(await b.list()).toMatchObject([{ name: 'web1', state: 'running', persistent: true }]);
});
