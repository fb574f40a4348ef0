import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { domainDetails } from '../../../../src/operations/lifecycle/details.js';
import { define } from '../../../../src/operations/definition/define.js';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { DomainLogs, logPath } from '../../../../src/host/logs/domain-logs.js';
import { LogTail, readLog } from '../../../../src/host/logs/follow-log.js';
import { LogFile } from '../../../../src/host/logs/log-file.js';
import { domidIn, formatLine, logFileName, timeOf } from '../../../../src/host/logs/log-line.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never } from '../../../support/local-host.js';

let dir: string;
const complaints: string[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-logs-'));
  complaints.length = 0;
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const logs = (more: Partial<ConstructorParameters<typeof DomainLogs>[0]> = {}): DomainLogs =>
  new DomainLogs({
    dir,
    level: 'info',
    bytes: 1024 * 1024,
    count: 2,
    complain: (line) => complaints.push(line),
    ...more,
  });
const of = (domain?: string): string => {
  const path = logPath(dir, domain);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};

describe('S44: a log for each domain', () => {
  it('libxl’s lines are sorted by whom they speak of; the rest is the driver’s', () => {
    const all = logs();
    all.know(7, 'web1');
    all.know(8, 'db1');
    all.toolstack('error', 'libxl_dom_suspend.c:399:suspend: Domain 7:guest did not suspend', 'db1');
    all.toolstack('warning', 'libxl_device.c:1:f: Domain 8:backend is slow', 'web1');
    all.toolstack('error', 'libxl.c:1:f: Domain 9:who is that', 'web1');
    all.toolstack('error', 'xc: something of nobody', 'web1');
    expect(of('web1')).toMatch(/^\S+Z: libxl: error: .*Domain 7:guest did not suspend\n$/);
    expect(of('db1')).toMatch(/^\S+Z: libxl: warning: .*Domain 8:backend is slow\n$/);
    expect(
      of()
        .split('\n')
        .map((line) => line.replace(/^\S+ /, '')),
    ).toEqual([
      'libxl (web1): error: libxl.c:1:f: Domain 9:who is that',
      'libxl (web1): error: xc: something of nobody',
      '',
    ]);
  });

  it('an id that has ended is nobody’s', async () => {
    const all = logs();
    all.know(7, 'web1');
    await all.release({ uuid: 'u', name: 'web1', domain: undefined, domid: 7, reason: 'destroyed' });
    all.toolstack('error', 'f: Domain 7:late', 'x');
    expect(of('web1')).toBe('');
    expect(of()).toContain('Domain 7:late');
  });

  it('a start is written with its definition, which has no password; ends and ids as well', async () => {
    const all = logs();
    const local = await LocalHost.make({ participants: [all] });
    try {
      const xml = guestXml({ name: 'web1', mib: 8 }).replace(
        '</os>',
        "</os><devices><graphics type='vnc' passwd='hidden'/></devices>",
      );
      await createDomain(local.host, xml, { paused: false, validate: false, signal: never });
      const json = /Domain start: (\{.*\})/.exec(of('web1'))?.[1] ?? '';
      expect(JSON.parse(json)).toMatchObject({ c_info: { name: 'web1', type: 'pvh' }, b_info: { max_memkb: 8192 } });
      expect(of('web1')).toMatch(/Domain has id \d+/);
      expect(of('web1')).toContain('Domain started: booted');
      expect(of('web1')).not.toContain('hidden');
    } finally {
      await local[Symbol.asyncDispose]();
    }
  });

  it('L11: taints and deprecations are warnings at the start, and stand in what is known of the domain while it runs', async () => {
    const all = logs({ level: 'warning' });
    const local = await LocalHost.make({ participants: [all] });
    try {
      const args =
        "<xen:commandline xmlns:xen='http://libvirt.org/schemas/domain/xen/1.0'><xen:arg value='-d'/></xen:commandline>";
      const xml = guestXml({ name: 'web1', mib: 8, uuid: '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001' }).replace(
        '</domain>',
        `${args}</domain>`,
      );
      await define(local.host, xml, { validate: false, signal: never });
      expect((await domainDetails(local.host, 'web1')).messages).toEqual([]);
      await createDomain(local.host, xml, { paused: false, validate: false, signal: never });
      const taint = 'tainted: custom configuration parameters specified';
      expect(of('web1')).toContain(`warning: Domain message: ${taint}\n`);
      expect((await domainDetails(local.host, 'web1')).messages).toEqual([taint]);
    } finally {
      await local[Symbol.asyncDispose]();
    }
  });

  it('only what matters enough is written', () => {
    const all = logs({ level: 'warning' });
    all.driver('info', 'a');
    all.driver('warning', 'b');
    expect(of()).toMatch(/^\S+ xenferry: warning: b\n$/);
  });

  it('a log that cannot be written fails nothing, and is complained of once', () => {
    writeFileSync(join(dir, 'file'), '');
    const all = logs({ dir: join(dir, 'file', 'below') });
    all.driver('error', 'a');
    all.driver('error', 'b');
    expect(complaints).toHaveLength(1);
  });

  it.each([
    ['web1', 'web1.log'],
    ['../../etc/passwd', '%2E./..%2Fetc%2Fpasswd.log'.replace('./', '.%2F')],
    ['.hidden', '%2Ehidden.log'],
    ['-rf', '%2Drf.log'],
    ['a\nb', 'a%0Ab.log'],
    ['größe', 'gr%C3%B6%C3%9Fe.log'],
    ['a%2Fb', 'a%252Fb.log'],
  ])('S39: no name leads out of the folder: %j', (name, file) => {
    expect(logFileName(name)).toBe(file);
  });

  it('S39: the longest names have files, each its own', () => {
    const long = 'ß'.repeat(100);
    for (const name of [long, 'x'.repeat(200), `${long.slice(0, -1)}ä`]) {
      expect(Buffer.byteLength(`${logFileName(name)}.100.lock`)).toBeLessThan(255);
      logs().know(7, name);
      logs().changed({ uuid: 'u', name, domid: 7, change: { event: 'started', detail: 'booted' } });
      expect(of(name)).toContain('Domain started: booted');
    }
    expect(logFileName(long)).not.toBe(logFileName(`${long.slice(0, -1)}ä`));
    expect(logFileName(long)).toMatch(/(?:%[0-9A-F]{2})~[0-9a-f]{16}\.log$/);
  });

  it('a domain called like the driver’s log has its own', () => {
    expect(logPath('/l', 'xenferry')).not.toBe(logPath('/l', undefined));
  });
});

describe('a line', () => {
  it('is one, whatever was said', () => {
    const line = formatLine(new Date(0), 'libxl', 'error', 'a\nb\x1b[31m\r\0c\n');
    expect(line).toBe('1970-01-01T00:00:00.000Z: libxl: error: a b\\u001b[31m \\u0000c\n');
    expect(timeOf(line)).toBe(0);
    expect(timeOf('nonsense')).toBeUndefined();
  });

  it.each([
    ['libxl_event.c:12:f: Domain 12:hello', 12],
    ['Domain 3:hello', 3],
    ['xc: hello Domain 3', undefined],
    ['f: Domain abc:hello', undefined],
    ['f: Domain 123456:hello', undefined],
  ])('%j speaks of %s', (text, domid) => {
    expect(domidIn(text)).toBe(domid);
  });
});

describe('a log file', () => {
  it('is private, and put aside when it is full; the oldest goes', () => {
    const file = new LogFile(join(dir, 'a.log'), { bytes: 10, count: 2 });
    for (let index = 0; index < 5; index += 1) file.append(`line number ${index}\n`);
    expect(
      readdirSync(dir)
        .filter((name) => !name.endsWith('.lock'))
        .sort(),
    ).toEqual(['a.log', 'a.log.1', 'a.log.2']);
    expect(readLog(join(dir, 'a.log'), 2, {})).toEqual(['line number 2', 'line number 3', 'line number 4']);
    expect(readLog(join(dir, 'a.log'), 2, { lines: 2 })).toEqual(['line number 3', 'line number 4']);
    expect(statSync(join(dir, 'a.log')).mode & 0o777).toBe(0o600);
  });

  it('is followed from where it is, behind rotations, each line once', async () => {
    const path = join(dir, 'a.log');
    const file = new LogFile(path, { bytes: 100, count: 100 });
    file.append('before\n');
    const stop = new AbortController();
    const tail = new LogTail(path);
    file.append('between\n');
    expect(readLog(path, 100, { upTo: tail.begin })).toEqual(['before']);
    const seen: string[] = [];
    const following = (async () => {
      for await (const line of tail.follow(stop.signal)) {
        seen.push(line);
        if (seen.length < 30) file.append(`line ${seen.length}\n`);
        else stop.abort();
      }
    })();
    await following;
    expect(seen).toEqual(['between', ...Array.from({ length: 29 }, (_, index) => `line ${index + 1}`)]);
    expect(existsSync(`${path}.1`)).toBe(true);
  });

  it('that is not there yet is waited for', async () => {
    const path = join(dir, 'new.log');
    const stop = new AbortController();
    const lines = new LogTail(path).follow(stop.signal);
    const first = lines.next();
    new LogFile(path, { bytes: 100, count: 1 }).append('hello\n');
    expect(await first).toEqual({ done: false, value: 'hello' });
    stop.abort();
    await lines.return();
  });

  it('since a time', () => {
    const path = join(dir, 'a.log');
    writeFileSync(
      path,
      formatLine(new Date(1000), 'x', 'info', 'old') + formatLine(new Date(3000), 'x', 'info', 'new'),
    );
    expect(readLog(path, 0, { since: 2000 })).toEqual(['1970-01-01T00:00:03.000Z: x: info: new']);
  });
});
