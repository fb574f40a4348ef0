import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatDomainXml } from '../../../src/domain/format.js';
import type { Domain } from '../../../src/domain/model.js';
import { readFd } from '../../../src/posix/fd-stream.js';
import { makePipe } from '../../../src/posix/owned-fd.js';
import { openEmbedded } from '../../../src/toolstack/embedded/open.js';
import { readRecord, writeRecord } from '../../../src/toolstack/embedded/domain-record.js';
import type { Domid } from '../../../src/toolstack/domid.js';
import type { ToolstackEvent } from '../../../src/toolstack/toolstack.js';
import { assertNeverTwice, historyOf, whereIs } from '../../support/oracle.js';
import { guest, never, Rig } from './rig.js';

const dist = fileURLToPath(new URL('../../../dist', import.meta.url));

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => {
  assertNeverTwice([rig.dirA, rig.dirB]);
  rig[Symbol.dispose]();
});

async function running(domain: Domain): Promise<Domid> {
  const id = await rig.a.create({ domain });
  await rig.a.unpause(id);
  return id;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    if (tries > 4000) throw new Error('it never came');
    await sleep(5);
  }
}

describe('an embedded host', () => {
  it('is a folder that only its owner can enter', async () => {
    expect(statSync(rig.dirA).mode & 0o777).toBe(0o700);
    expect(rig.a.uri).toBe(`embedded://${rig.dirA}`);
    await rig.a.create({ domain: guest() });
    expect(statSync(`${rig.dirA}/domains/1`).mode & 0o777).toBe(0o700);
    expect(statSync(`${rig.dirA}/domains/1/memory`).mode & 0o777).toBe(0o600);
  });

  it('S04: names the folder that cannot be made', async () => {
    writeFileSync(rig.temp.file('file'), '');
    await expect(openEmbedded(rig.temp.file('file/host'))).rejects.toMatchObject({
      code: 'E_TOOLSTACK_FOLDER',
      data: { path: rig.temp.file('file/host') },
    });
  });

  it('is as host.json says', async () => {
    writeFileSync(`${rig.dirA}/host.json`, '{"hostname":"alpha","totalMemoryKiB":32768,"cpus":3}');
    expect(await rig.a.host()).toMatchObject({
      hostname: 'alpha',
      toolstack: 'embedded',
      totalMemoryKiB: 32768,
      freeMemoryKiB: 32768,
      cpus: 3,
      streamVersions: [2],
    });
    expect((await rig.a.host()).processors).toBeUndefined();
    writeFileSync(`${rig.dirA}/host.json`, '{"cpus":3,"hwCaps":"178bfbff:FED83203"}');
    expect((await rig.a.host()).processors).toEqual({
      coresPerSocket: 3,
      threadsPerCore: 1,
      cpuidWords: [0x178b_fbff, 0xfed8_3203],
    });
    writeFileSync(`${rig.dirA}/host.json`, '{"hwCaps":"178bfbff:"}');
    await expect(rig.a.host()).rejects.toMatchObject({ code: 'E_USAGE_HOST_FILE' });
    writeFileSync(`${rig.dirA}/host.json`, '{"memory":1}');
    await expect(rig.a.host()).rejects.toMatchObject({ code: 'E_USAGE_HOST_FILE' });
  });

  it('F36: gives no memory that it does not have', async () => {
    writeFileSync(`${rig.dirA}/host.json`, '{"totalMemoryKiB":20480}');
    const id = await rig.a.create({ domain: guest({ name: 'one' }) });
    await rig.a.create({ domain: guest({ name: 'two' }) });
    await expect(rig.a.create({ domain: guest({ name: 'three' }) })).rejects.toMatchObject({
      code: 'E_TOOLSTACK_NO_MEMORY',
      data: { neededKiB: 8192, freeKiB: 4096 },
    });
    await rig.a.destroy(id);
    await rig.a.create({ domain: guest({ name: 'three' }) });
  });

  it('F37: refuses a name and a UUID that are taken, by code', async () => {
    const domain = guest();
    await rig.a.create({ domain });
    await expect(rig.a.create({ domain: guest() })).rejects.toMatchObject({ code: 'E_TOOLSTACK_NAME_TAKEN' });
    await expect(rig.a.create({ domain: guest({ name: 'other', uuid: domain.uuid }) })).rejects.toMatchObject({
      code: 'E_TOOLSTACK_UUID_TAKEN',
    });
  });

  it('refuses guests too small or too large for it', async () => {
    await expect(rig.a.create({ domain: guest({ mib: 1 }) })).rejects.toMatchObject({ code: 'E_REFUSED_MEMORY_SIZE' });
    await expect(rig.a.create({ domain: guest({ mib: 2 ** 21 }) })).rejects.toMatchObject({
      code: 'E_REFUSED_MEMORY_SIZE',
    });
  });

  it('carries the native configuration along', async () => {
    const native = { format: 'libxl-json', text: '{"c_info":{}}' } as const;
    const id = await rig.a.create({ domain: guest(), native });
    expect((await rig.a.describe(id)).native).toEqual(native);
    await rig.a.rename(id, 'renamed');
    expect((await rig.a.describe(id)).native).toEqual(native);
  });

  it('lets ids win over names, as virsh does', async () => {
    const one = await rig.a.create({ domain: guest({ name: 'one' }) });
    const two = await rig.a.create({ domain: guest({ name: String(one) }) });
    expect((await rig.a.lookup(String(one)))?.domid).toBe(one);
    await rig.a.destroy(one);
    expect((await rig.a.lookup(String(one)))?.domid).toBe(two);
  });

  it('never gives a number twice in a row', async () => {
    const one = await rig.a.create({ domain: guest() });
    await rig.a.destroy(one);
    expect(await rig.a.create({ domain: guest() })).toBeGreaterThan(one);
    writeFileSync(`${rig.dirA}/next-domid`, '32752');
    expect(await rig.a.create({ domain: guest({ name: 'wrapped' }) })).toBe(1);
  });
});

describe('a guest on it', () => {
  it('has a heartbeat while it runs, and none while it is paused', async () => {
    const id = await running(guest({ workload: "tickMs='1' dirtyMiBPerSecond='1'" }));
    const ticks = async (): Promise<number> => (await rig.a.guestReport(id))?.ticks ?? -1;
    const first = await ticks();
    await until(async () => (await ticks()) > first + 10);
    await rig.a.pause(id);
    const paused = await ticks();
    await sleep(20);
    expect(await ticks()).toBe(paused);
    await rig.a.unpause(id);
    await until(async () => (await ticks()) > paused);
    expect((await rig.a.info(id))?.cpuTimeNs).toBeGreaterThan(0n);
  });

  it('does as it was asked when it runs again', async () => {
    const id = await rig.a.create({ domain: guest() });
    await rig.a.reboot(id);
    expect((await rig.a.info(id))?.state).toBe('paused');
    await rig.a.unpause(id);
    expect(await rig.a.info(id)).toMatchObject({ state: 'shutdown', shutdownReason: 'reboot' });
  });

  it('that was paused before it was suspended is paused again when it is resumed', async () => {
    const domain = guest();
    const id = await running(domain);
    await rig.a.pause(id);
    await rig.move(id, domain, { live: true });
    await rig.a.resume(id);
    expect((await rig.a.info(id))?.state).toBe('paused');
  });

  it('F33: that shuts down while it is saved ends the save, and says so', async () => {
    const id = await running(guest({ faults: "<embedded:fault name='save-write-slow' bytesPerSecond='20000000'/>" }));
    const pipe = makePipe('save');
    const saved = rig.a.save(id, pipe.writeEnd, { live: true, signal: never });
    const read = (async () => {
      let asked = false;
      for await (const _ of readFd(pipe.readEnd, never)) {
        if (!asked) await rig.a.shutdown(id);
        asked = true;
      }
    })();
    await expect(saved).rejects.toMatchObject({ code: 'E_TOOLSTACK_GUEST_STOPPED', data: { reason: 'poweroff' } });
    await read;
    await expect(rig.a.save(id, makePipeInto(), { live: true, signal: never })).rejects.toMatchObject({
      code: 'E_TOOLSTACK_NOT_RUNNING',
    });
  });

  it('F35: that is destroyed while it is saved ends the save, and says so', async () => {
    const id = await running(guest({ faults: "<embedded:fault name='save-write-slow' bytesPerSecond='20000000'/>" }));
    const pipe = makePipe('save');
    const saved = rig.a.save(id, pipe.writeEnd, { live: true, signal: never });
    const read = (async () => {
      for await (const _ of readFd(pipe.readEnd, never)) await rig.a.destroy(id);
    })();
    await expect(saved).rejects.toMatchObject({ code: 'E_TOOLSTACK_DOMAIN_GONE' });
    await read;
    expect(await rig.a.list()).toEqual([]);
  });

  it('cannot be saved twice at once', async () => {
    const id = await running(guest({ faults: "<embedded:fault name='save-hangs' afterBytes='0'/>" }));
    const stop = new AbortController();
    const first = rig.a.save(id, makePipeInto(), { live: true, signal: stop.signal });
    first.catch(() => undefined);
    await until(() => readRecord(`${rig.dirA}/domains/${id}`)?.logDirty === true);
    await expect(rig.a.save(id, makePipeInto(), { live: true, signal: never })).rejects.toMatchObject({
      code: 'E_TOOLSTACK_BUSY',
    });
    stop.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
  });

  /** A sink that nobody reads, for saves that end before it is full. */
  function makePipeInto(): ReturnType<typeof makePipe>['writeEnd'] {
    const { readEnd, writeEnd } = makePipe('sink');
    readEnd.close();
    return writeEnd;
  }
});

describe('several processes on one host', () => {
  it('make domains at the same time without taking the same number or name', async () => {
    const workers = Array.from({ length: 3 }, (_, worker) =>
      node(`
        const host = await openEmbedded(${JSON.stringify(rig.dirA)});
        for (let n = 0; n < 4; n += 1) {
          await host.create({ domain: parseDomainXml(xml('g-${worker}-' + n)) });
          await host.create({ domain: parseDomainXml(xml('same')) }).catch((error) => { if (error.code !== 'E_TOOLSTACK_NAME_TAKEN') throw error; });
        }`),
    );
    for (const worker of workers) expect(await exitOf(worker)).toBe(0);
    const infos = await rig.a.list();
    expect(infos).toHaveLength(13);
    expect(new Set(infos.map(({ domid }) => domid)).size).toBe(13);
    expect(infos.filter(({ name }) => name === 'same')).toHaveLength(1);
  });

  it('make one guest live together, and each of its pages is right', async () => {
    const id = await running(guest({ workload: "tickMs='1' dirtyMiBPerSecond='100' hotPercent='50'" }));
    const workers = Array.from({ length: 3 }, () =>
      node(`
        const host = await openEmbedded(${JSON.stringify(rig.dirA)});
        for (let n = 0; n < 15; n += 1) {
          const report = await host.guestReport(${id});
          if (report.bad !== 0) throw new Error('bad pages');
          if (n % 5 === 4) { await host.pause(${id}); await host.unpause(${id}); }
        }`),
    );
    for (const worker of workers) expect(await exitOf(worker)).toBe(0);
    expect((await rig.a.guestReport(id))?.bad).toBe(0);
  });

  it('F1: that are killed while the guest lives leave it whole', async () => {
    const id = await running(guest({ workload: "tickMs='1' dirtyMiBPerSecond='500' hotPercent='50'" }));
    for (let round = 0; round < 5; round += 1) {
      const worker = node(`
        const host = await openEmbedded(${JSON.stringify(rig.dirA)});
        process.stdout.write('on');
        for (;;) await host.guestReport(${id});`);
      await once(worker.stdout!, 'data');
      await sleep(10 + round * 7);
      worker.kill('SIGKILL');
      await exitOf(worker);
      expect((await rig.a.guestReport(id))?.bad).toBe(0);
    }
  });

  it('F3: the guest runs on where the process that saves it is killed behind its suspension', async () => {
    const domain = guest({ faults: "<embedded:fault name='save-hangs' afterBytes='3000000'/>" });
    const id = await running(domain);
    const worker = node(`
      import { makePipe } from ${JSON.stringify(`${dist}/posix/owned-fd.js`)};
      const host = await openEmbedded(${JSON.stringify(rig.dirA)});
      const pipe = makePipe('save');
      await host.save(${id}, pipe.writeEnd, { live: false, signal: new AbortController().signal });`);
    await until(() => whereIs(domain.uuid, [rig.dirA])[0].state === 'suspended');
    worker.kill('SIGKILL');
    await exitOf(worker);
    await until(() => whereIs(domain.uuid, [rig.dirA])[0].state === 'running');
    expect((await rig.a.guestReport(id))?.bad).toBe(0);
    expect(historyOf(rig.dirA).map(({ event }) => event)).toEqual(['create', 'run', 'stop', 'run']);
  });

  it('F2: nothing is left where the process that restores a guest is killed', async () => {
    const domain = guest({ faults: "<embedded:fault name='restore-hangs' afterBytes='0'/>" });
    writeFileSync(rig.temp.file('guest.xml'), formatDomainXml(domain));
    const worker = node(`
      import { makePipe } from ${JSON.stringify(`${dist}/posix/owned-fd.js`)};
      const host = await openEmbedded(${JSON.stringify(rig.dirB)});
      const pipe = makePipe('restore');
      const timer = setInterval(() => undefined, 1000);
      const xmlText = readFileSync(${JSON.stringify(rig.temp.file('guest.xml'))}, 'utf8');
      await host.restore({ domain: parseDomainXml(xmlText) }, pipe.readEnd, { streamVersion: 2, signal: new AbortController().signal });`);
    await until(() => whereIs(domain.uuid, [rig.dirB])[0]?.state === 'building');
    worker.kill('SIGKILL');
    await exitOf(worker);
    await until(async () => (await rig.b.list()).length === 0);
    expect(readdirSync(`${rig.dirB}/domains`)).toEqual([]);
  });

  it('what a killed maker or remover left behind is gone at the next look', async () => {
    const id = await rig.a.create({ domain: guest() });
    const folder = `${rig.dirA}/domains/${id}`;
    const record = readRecord(folder)!;
    for (const leftover of [
      { ...record, built: false },
      { ...record, dying: true },
    ]) {
      const kept = rig.temp.file('kept');
      cpSync(folder, kept, { recursive: true });
      writeRecord(folder, leftover);
      expect(await rig.a.list()).toEqual([]);
      expect(readdirSync(`${rig.dirA}/domains`)).toEqual([]);
      cpSync(kept, folder, { recursive: true });
      rmSync(kept, { recursive: true });
    }
    mkdirSync(`${rig.dirA}/domains/gone-7-x`);
    await rig.a.list();
    expect(readdirSync(`${rig.dirA}/domains`)).toEqual([String(id)]);
    expect((await rig.a.guestReport(id))?.bad).toBe(0);
  });

  const processes: ChildProcess[] = [];
  function node(body: string): ChildProcess {
    const imports = [...body.matchAll(/^\s*import .*$/gm)].map(([line]) => line);
    const rest = imports.reduce((text, line) => text.replace(line, ''), body);
    const file = rig.temp.file(`worker-${processes.length}-${process.hrtime.bigint()}.mjs`);
    writeFileSync(
      file,
      `import { openEmbedded } from ${JSON.stringify(`${dist}/toolstack/embedded/open.js`)};
       import { parseDomainXml } from ${JSON.stringify(`${dist}/domain/parse.js`)};
       import { readFileSync } from 'node:fs';
       ${imports.join('\n')}
       const xml = (name) => ${JSON.stringify(formatDomainXml(guest({ name: 'NAME', mib: 4 })))}.replace('NAME', name).replace(/<uuid>.*<\\/uuid>/, '');
       ${rest}`,
    );
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    processes.push(child);
    return child;
  }
  async function exitOf(child: ChildProcess): Promise<number | null> {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }
});

describe('the history of a host', () => {
  it('has a line for everything that happened to a domain, and ends nothing twice', async () => {
    const domain = guest();
    const id = await running(domain);
    await rig.a.pause(id);
    await rig.a.unpause(id);
    const arrived = await rig.move(id, domain, { live: true });
    await rig.a.destroy(id);
    await rig.b.unpause(arrived);
    expect(historyOf(rig.dirA).map(({ event, why }) => `${event} ${why}`)).toEqual([
      'create create',
      'run unpause',
      'stop pause',
      'run unpause',
      'stop save',
      'destroy destroy',
    ]);
    assertNeverTwice([rig.dirA, rig.dirB]);
    expect(whereIs(domain.uuid, [rig.dirA, rig.dirB])).toEqual([{ host: rig.dirB, state: 'running' }]);
  });

  it('shows two copies that ran at once, be it for a moment', async () => {
    const domain = guest();
    const id = await running(domain);
    const arrived = await rig.move(id, domain, { live: true });
    await rig.b.unpause(arrived);
    await rig.a.resume(id);
    expect(() => {
      assertNeverTwice([rig.dirA, rig.dirB]);
    }).toThrow(/ran twice/);
    // For a moment only, and with one of the two gone: still.
    await rig.b.pause(arrived);
    await rig.b.destroy(arrived);
    expect(() => {
      assertNeverTwice([rig.dirA, rig.dirB]);
    }).toThrow(/ran twice/);
    rmSync(`${rig.dirB}/history.jsonl`); // what every other test ends with would fail here
  });

  it('F1: has the line of a process that died between doing and writing', async () => {
    const domain = guest();
    const id = await running(domain);
    const history = `${rig.dirA}/history.jsonl`;
    const lines = readFileSync(history, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    writeFileSync(history, `${lines.slice(0, -1).join('\n')}\n`);
    expect(historyOf(rig.dirA).map(({ event }) => event)).toEqual(['create', 'run']);
    await rig.a.pause(id);
    const text = readFileSync(history, 'utf8');
    expect([...text.matchAll(/"event":"(\w+)"/g)].map(([, event]) => event)).toEqual(['create', 'run', 'stop']);
  });

  it('tells what happens from now on, whoever does it, and each thing once', async () => {
    const stop = new AbortController();
    const id = await running(guest());
    const heard: ToolstackEvent[] = [];
    const listening = (async () => {
      for await (const event of rig.a.events(stop.signal)) {
        heard.push(event);
        if (event.type === 'death') stop.abort();
      }
    })();
    const other = await openEmbedded(rig.dirA);
    await other.shutdown(id);
    const last = readFileSync(`${rig.dirA}/history.jsonl`, 'utf8').trim().split('\n').at(-1);
    appendFileSync(`${rig.dirA}/history.jsonl`, `${last}\n`); // as a process does that is not sure
    await other.destroy(id);
    await listening;
    expect(heard).toMatchObject([
      { type: 'shutdown', domid: id, reason: 'poweroff' },
      { type: 'death', domid: id },
    ]);
  });
});
