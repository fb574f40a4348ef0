import { appendFileSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DomainEvent, MissedEvents, ToldEvent } from '../../../../src/host/events/event.js';
import { parseEvent } from '../../../../src/host/events/event.js';
import { followEvents } from '../../../../src/host/events/event-follower.js';
import { EventLog } from '../../../../src/host/events/event-log.js';
import { HostEvents } from '../../../../src/host/events/host-events.js';
import { FileLock } from '../../../../src/posix/file-lock.js';
import { TempFolder } from '../../toolstack/rig.js';

let temp: TempFolder;
beforeEach(() => {
  temp = new TempFolder();
});
afterEach(() => temp[Symbol.dispose]());

const started: ToldEvent = {
  domain: 'web',
  uuid: '00000000-0000-0000-0000-000000000001',
  id: 3,
  what: { type: 'lifecycle', change: { event: 'started', detail: 'booted' } },
};

async function take(events: AsyncIterable<DomainEvent | MissedEvents>, count: number): Promise<number[]> {
  const seqs: number[] = [];
  for await (const event of events) {
    seqs.push('missed' in event ? -event.missed : event.seq);
    if (seqs.length === count) break;
  }
  return seqs;
}

describe('events of a host', () => {
  it('S36: reach readers in this and other processes, in one order, from their subscription on', async () => {
    await using here = new HostEvents(temp.file('events'));
    await using there = new HostEvents(temp.file('events'));
    here.tell(started);
    const first = here.subscribe();
    there.tell(started);
    const second = there.subscribe();
    here.tell(started);
    there.tell(started);
    expect(await take(first, 3)).toEqual([2, 3, 4]);
    expect(await take(second, 2)).toEqual([3, 4]);
  });

  it('S36: a loop ends when the host is disposed', async () => {
    const host = new HostEvents(temp.file('events'));
    const reading = take(host.subscribe(), 99);
    await host[Symbol.asyncDispose]();
    expect(await reading).toEqual([]);
  });

  it('can be subscribed to again after everybody has left', async () => {
    await using host = new HostEvents(temp.file('events'));
    await host.subscribe()[Symbol.asyncDispose]();
    const again = host.subscribe();
    host.tell(started);
    expect(await take(again, 1)).toEqual([1]);
  });

  it('are whole lines with numbers without a gap, whoever writes, for their owner only', async () => {
    const logs = Array.from({ length: 4 }, () => new EventLog(temp.file('events')));
    for (let round = 0; round < 25; round += 1) for (const log of logs) log.tell(started);
    await Promise.all(logs.map((log) => log.flushed()));
    const lines = readFileSync(logs[0].path, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => parseEvent(line)?.seq)).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
    expect(statSync(logs[0].path).mode & 0o777).toBe(0o600);
  });

  it('wait for a lock that another process holds, in their order, and do not hold up the teller', async () => {
    const log = new EventLog(temp.file('events'));
    const lock = FileLock.tryTake(temp.file('events/lock'), 'test');
    log.tell(started);
    log.tell({ ...started, domain: 'second' });
    lock?.release();
    await log.flushed();
    const lines = readFileSync(log.path, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => parseEvent(line)?.domain)).toEqual(['web', 'second']);
  });

  it('are read over the end of a file: none is missed, none comes twice', async () => {
    const log = new EventLog(temp.file('events'), undefined, 2000);
    const stop = new AbortController();
    const reading = take(followEvents(log, log.end(), stop.signal), 60);
    for (let count = 0; count < 60; count += 1) {
      log.tell(started);
      if (count % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const seqs = await reading;
    const missed = seqs.filter((seq) => seq < 0).reduce((sum, seq) => sum - seq, 0);
    expect(missed + seqs.filter((seq) => seq > 0).length).toBeGreaterThanOrEqual(60);
    expect([...seqs.filter((seq) => seq > 0)].sort((a, b) => a - b)).toEqual(seqs.filter((seq) => seq > 0));
    expect(statSync(log.path).size).toBeLessThan(2500);
    stop.abort();
  });

  it('says how many were lost with files that are gone', async () => {
    const log = new EventLog(temp.file('events'), undefined, 500);
    const from = log.end();
    for (let count = 0; count < 40; count += 1) log.tell(started);
    const stop = new AbortController();
    const seqs = await take(followEvents(log, from, stop.signal), 2);
    expect(seqs[0]).toBeLessThan(0);
    expect(seqs[1]).toBe(1 - seqs[0]);
  });

  it('F51: half a line of a process that died is passed over, and takes none with it', async () => {
    const log = new EventLog(temp.file('events'));
    log.tell(started);
    appendFileSync(log.path, '{"seq":2,"at":"20');
    const other = new EventLog(temp.file('events'));
    const stop = new AbortController();
    const reading = take(followEvents(other, { seq: 0, bytes: 0 }, stop.signal), 2);
    other.tell(started);
    expect(await reading).toEqual([1, 2]);
  });

  it('stay within their bound, however long their words', () => {
    const log = new EventLog(temp.file('events'));
    log.tell({ ...started, domain: 'x'.repeat(50_000), what: { type: 'notice', text: 'y'.repeat(50_000) } });
    const line = readFileSync(log.path, 'utf8').trimEnd();
    expect(line.length).toBeLessThan(16 * 1024);
    expect(parseEvent(line)?.seq).toBe(1);
  });

  it('F50: that cannot be written are told to the log, and do not fail what they tell of', () => {
    const said: string[] = [];
    const log = new EventLog(temp.file('events'), (line) => said.push(line));
    appendFileSync(temp.file('events/lock'), '');
    const { path } = log;
    // The log's place is taken by a folder: it cannot be opened.
    mkdirSync(path);
    log.tell(started);
    expect(said).toHaveLength(1);
  });
});
