import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { guestXml, TwoHosts } from '../support/hosts.js';
import { PROGRAM } from '../support/program.js';

let hosts: TwoHosts;
let uri: string;
beforeEach(async () => {
  hosts = await TwoHosts.make();
  uri = hosts.a.uri;
  writeFileSync(join(hosts.root, 'web1.xml'), guestXml({ name: 'web1', mib: 8 }));
  await hosts.a.must('create', join(hosts.root, 'web1.xml'));
});
afterEach(async () => {
  await hosts[Symbol.asyncDispose]();
});

/** A line of bash, with the program as `$XF`, run where the files are. */
async function bash(line: string): Promise<{ code: number; stderr: string }> {
  const child = spawn('bash', ['-c', `set -o pipefail; XF="$NODE $PROGRAM -c $URI"; ${line}`], {
    cwd: hosts.root,
    env: { ...process.env, NODE: process.execPath, PROGRAM, URI: uri, XENFERRY_MONITOR: 'off' },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stderr };
}

const state = async (): Promise<string | undefined> =>
  ((await hosts.a.list()) as { name: string; state: string }[]).find(({ name }) => name === 'web1')?.state;

it('F57: save to standard output is the save file and nothing else; restore takes it from standard input', async () => {
  const saved = await bash('$XF save web1 /dev/stdout --progress none | gzip > saved.gz');
  expect(saved).toMatchObject({ code: 0, stderr: 'Domain web1 saved to /dev/stdout\n' });
  expect(await state()).toBeUndefined();
  const restored = await bash('zcat saved.gz | $XF restore /dev/stdin --progress none > out');
  expect(restored).toMatchObject({ code: 0 });
  expect(await state()).toBe('running');
  await hosts.a.must('destroy', 'web1');
  expect(await bash('$XF restore - --progress none < saved.gz > out')).toMatchObject({ code: 0 });
  await hosts.a.must('destroy', 'web1');
  expect(await bash('$XF restore <(zcat saved.gz) --progress none > out')).toMatchObject({ code: 0 });
});

it('F57: save to a process substitution and to a redirection is what they get', async () => {
  expect(await bash('$XF save web1 >(cat > first) --checkpoint --progress none > out; wait $!')).toMatchObject({
    code: 0,
  });
  expect(
    await bash('{ printf before; $XF save web1 /dev/stdout --progress none; printf after; } > second'),
  ).toMatchObject({
    code: 0,
  });
  expect(await state()).toBeUndefined();
  const [first, second] = ['first', 'second'].map((name) => readFileSync(join(hosts.root, name)));
  expect(first.subarray(0, 27).toString()).toBe('Xen saved domain, xl format');
  expect(second.subarray(0, 33).toString()).toBe('beforeXen saved domain, xl format');
  expect(second.subarray(-5).toString()).toBe('after');
  expect(await bash('$XF restore first --progress none > out')).toMatchObject({ code: 0 });
});

it('F57: save where nothing is kept is refused, and the guest runs on', async () => {
  const line = await bash('$XF save web1 /dev/stdout --progress none > /dev/null');
  expect(line).toMatchObject({ code: 3, stderr: expect.stringContaining('character device') as string });
  const folder = await bash('$XF save web1 . --progress none');
  expect(folder).toMatchObject({ code: 3, stderr: expect.stringContaining('it is a folder') as string });
  expect(await state()).toBe('running');
});

it.each(['define', 'create'])('%s takes pipes, process substitutions and sockets', async (verb) => {
  const xml = guestXml({ name: 'web2', mib: 8 });
  writeFileSync(join(hosts.root, 'web2.xml'), xml);
  const undo = verb === 'define' ? 'undefine' : 'destroy';
  for (const line of [`cat web2.xml | $XF ${verb} /dev/stdin`, `$XF ${verb} <(cat web2.xml)`]) {
    expect(await bash(`${line} > out`)).toMatchObject({ code: 0 });
    await hosts.a.must(undo, 'web2');
  }
  // What node calls a pipe is a socket, which cannot be opened by its name.
  const { status, stderr } = spawnSync(process.execPath, [PROGRAM, '-c', uri, verb, '/dev/stdin'], { input: xml });
  expect([status, stderr.toString()]).toEqual([0, '']);
});
