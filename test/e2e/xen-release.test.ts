import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { wordsOf } from '../../src/domain/cpu/cpu-features.js';
import { guestXml, TwoHosts } from '../support/hosts.js';

let hosts: TwoHosts;
beforeEach(async () => {
  hosts = await TwoHosts.make();
  // As the embedded host makes it.
  for (const { dir } of [hosts.a, hosts.b]) mkdirSync(dir, { mode: 0o700 });
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

it('a guest does not go where the processor lacks what it sees; it may return to a host that had less when it booted there', async () => {
  const { a, b } = hosts;
  const hwCaps = (names: string[]): string =>
    wordsOf(names)
      .map((word) => word.toString(16).padStart(8, '0'))
      .join(':');
  const weak = ['lm', 'sse2', 'sse4.2'];
  const xml = (name: string): string => guestXml({ name, mib: 16 });
  writeFileSync(
    join(a.dir, 'host.json'),
    JSON.stringify({ hostname: 'hv-a', hwCaps: hwCaps([...weak, 'avx', 'avx2']) }),
  );
  writeFileSync(join(b.dir, 'host.json'), JSON.stringify({ hostname: 'hv-b', hwCaps: hwCaps(weak) }));
  await b.serve();
  await a.create(xml('strong'));
  const { code, result } = await a.migrate('strong', b);
  expect(code).toBe(3);
  expect(result).toMatchObject({
    code: 'E_REFUSED_CPU',
    guest: 'untouched',
    message: expect.stringContaining('the processor of hv-b lacks: avx, avx2') as string,
    hint: expect.stringContaining('cpu-baseline') as string,
  });
  expect((await a.migrate('strong', b, '--unsafe')).result).toMatchObject({ result: 'done' });
  // One that booted on the weaker host sees no more on the stronger one.
  await b.create(xml('weak'));
  await a.serve();
  expect((await b.migrate('weak', a)).result).toMatchObject({ result: 'done' });
  expect((await a.migrate('weak', b)).result).toMatchObject({ result: 'done' });
});
