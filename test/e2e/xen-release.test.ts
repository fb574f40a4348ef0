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

it('a guest does not go to an older Xen, and nothing is touched there or here; --unsafe tries it', async () => {
  const { a, b } = hosts;
  const xml = join(hosts.root, 'web1.xml');
  writeFileSync(xml, guestXml({ name: 'web1', mib: 16 }));
  await a.must('create', xml);
  writeFileSync(join(a.dir, 'host.json'), JSON.stringify({ hostname: 'hv-a', xen: '4.20' }));
  writeFileSync(join(b.dir, 'host.json'), JSON.stringify({ hostname: 'hv-b', xen: '4.17' }));
  await b.serve();
  const { code, result } = await a.migrate('web1', b);
  expect(code).toBe(3);
  expect(result).toMatchObject({
    result: 'failed',
    guest: 'untouched',
    code: 'E_REFUSED_XEN_OLDER',
    message: expect.stringContaining('the guest runs on Xen 4.20, hv-b has Xen 4.17') as string,
  });
  const words = ['version', '--peer', `xen+tls://${b.address}/system`, '--tls-dir', hosts.tlsDir];
  expect(await a.must(...words)).toContain('Xen 4.17\n');
  expect(JSON.parse(await a.must(...words, '--json'))).toMatchObject({ xen: '4.17' });
  expect(await a.list()).toMatchObject([{ name: 'web1', state: 'running' }]);
  expect(await b.list()).toEqual([]);
  expect((await a.migrate('web1', b, '--unsafe')).result).toMatchObject({ result: 'done' });
});
