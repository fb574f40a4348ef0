import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestXml, TwoHosts } from '../support/hosts.js';

let hosts: TwoHosts;
beforeEach(async () => {
  hosts = await TwoHosts.make();
});
afterEach(async () => {
  await hosts[Symbol.asyncDispose]();
});

/** A file beside the hosts' folders. */
function file(name: string, content: string | Buffer): string {
  const path = join(hosts.a.dir, '..', name);
  writeFileSync(path, content);
  return path;
}

const odd = (xml: string): string => xml.replace('</domain>', '<perf/><memtune/></domain>');
/** Lines that warn of an element. */
const about = (stderr: string, what: string): string[] =>
  stderr.split('\n').filter((line) => line.startsWith('warning: ') && line.includes(what));

describe('S06: what is passed over of a file', () => {
  it('is said once, by every verb that reads one; the guest starts', async () => {
    const { a } = hosts;
    const path = file('odd.xml', odd(guestXml({ name: 'odd', mib: 8 })));
    for (const words of [
      ['define', path],
      ['domxml-to-native', 'xen-xl', '--xml', path],
    ]) {
      const { code, stderr } = await a.run(...words);
      expect(code, stderr).toBe(0);
      expect(about(stderr, '/domain: <perf>'), stderr).toHaveLength(1);
      expect(about(stderr, '/domain: <memtune>'), stderr).toHaveLength(1);
    }
    const started = await a.run('start', 'odd');
    expect(started.code, started.stderr).toBe(0);
    expect(about(started.stderr, 'perf')).toEqual([]);
    expect(await a.must('dumpxml', 'odd')).toContain('<perf/>');
    const disk = file('disk.xml', "<disk type='file'><source file='/srv/b.img'/><target dev='xvdb'/><iotune/></disk>");
    const attached = await a.run('attach-device', 'odd', disk, '--config');
    expect(attached.code, attached.stderr).toBe(0);
    expect(about(attached.stderr, '/disk: <iotune>')).toHaveLength(1);
  });

  it('is an error with --validate', async () => {
    const path = file('odd.xml', odd(guestXml({ name: 'odd', mib: 8 })));
    for (const verb of ['define', 'create']) {
      const { code, stderr } = await hosts.a.run(verb, '--validate', path);
      expect(code).toBe(2);
      expect(stderr).toContain('/domain');
    }
  });

  it('is in the result of a migration, done here or by the daemon', async () => {
    const { a, b } = hosts;
    await a.serve();
    await b.serve();
    await a.create(guestXml());
    const moves = [
      { from: a, to: b, words: [] },
      { from: b, to: a, words: ['--no-p2p'] },
    ];
    for (const { from, to, words } of moves) {
      const path = file('move.xml', odd(await from.must('dumpxml', 'guest', '--migratable', '--security-info')));
      const { code, result, stderr } = await from.migrate('guest', to, '--xml', path, ...words);
      expect(code, stderr).toBe(0);
      expect(result).toMatchObject({
        result: 'done',
        warnings: [
          expect.stringMatching(/^--xml: \/domain: <perf>/),
          expect.stringMatching(/^--xml: \/domain: <memtune>/),
        ],
      });
      expect(about(stderr, '<perf>')).toHaveLength(1);
    }
  });
});

it('a document in the encoding that it declares keeps its letters; bytes that are none of it are refused', async () => {
  const { a } = hosts;
  const xml = guestXml({ name: 'l1', mib: 8 }).replace('</name>', '</name><description>B\u00fcro</description>');
  const declared = file('l1.xml', Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?>\n${xml}`, 'latin1'));
  await a.must('define', declared);
  expect(await a.must('dumpxml', 'l1')).toContain('<description>B\u00fcro</description>');
  const { code, stderr } = await a.run('define', file('bare.xml', Buffer.from(xml, 'latin1')));
  expect(code).toBe(1);
  expect(stderr).toContain('the bytes are not UTF-8');
});
