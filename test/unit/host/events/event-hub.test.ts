import { describe, expect, it } from 'vitest';
import type { DomainEvent, MissedEvents } from '../../../../src/host/events/event.js';
import { EventHub } from '../../../../src/host/events/event-hub.js';

const event = (seq: number, domain = 'web'): DomainEvent => ({
  seq,
  at: new Date(0).toISOString(),
  domain,
  uuid: 'u',
  what: { type: 'reboot' },
});
const seqOf = (one: DomainEvent | MissedEvents): number => ('missed' in one ? -one.missed : one.seq);

async function read(subscription: AsyncIterable<DomainEvent | MissedEvents>): Promise<number[]> {
  const seqs: number[] = [];
  for await (const one of subscription) seqs.push(seqOf(one));
  return seqs;
}

describe('S36: the event hub', () => {
  it('gives everybody the same order, also of events that a listener causes', () => {
    const hub = new EventHub();
    const first: number[] = [];
    const second: number[] = [];
    hub.listen((one) => {
      first.push(seqOf(one));
      if (seqOf(one) === 1) hub.deliver(event(2));
    });
    hub.listen((one) => second.push(seqOf(one)));
    hub.deliver(event(1));
    expect(first).toEqual([1, 2]);
    expect(second).toEqual([1, 2]);
  });

  it('has an id for each subscription; one ends itself or another from within a listener', () => {
    const hub = new EventHub();
    const heard: string[] = [];
    hub.listen((_, id) => {
      heard.push('once');
      expect(hub.unsubscribe(id)).toBe(true);
      hub.unsubscribe(victim);
    });
    const victim = hub.listen(() => heard.push('victim'));
    hub.listen(() => heard.push('last'));
    hub.deliver(event(1));
    hub.deliver(event(2));
    expect(heard).toEqual(['once', 'last', 'last']);
    expect(hub.unsubscribe(victim)).toBe(false);
    expect(hub.size).toBe(1);
  });

  it('gives one that subscribes from within a listener only what comes later', () => {
    const hub = new EventHub();
    const late: number[] = [];
    hub.listen((one) => {
      if (seqOf(one) === 1) hub.listen((next) => late.push(seqOf(next)));
    });
    hub.deliver(event(1));
    hub.deliver(event(2));
    expect(late).toEqual([2]);
  });

  it('goes on where a listener throws', () => {
    const thrown: unknown[] = [];
    const hub = new EventHub((error) => thrown.push(error));
    const heard: number[] = [];
    hub.listen(() => {
      throw new Error('mine');
    });
    hub.listen((one) => heard.push(seqOf(one)));
    hub.deliver(event(1));
    expect(heard).toEqual([1]);
    expect(thrown).toHaveLength(1);
  });

  it('keeps events for a slow reader within its bound, and says in their place how many it missed', async () => {
    const hub = new EventHub();
    const reader = hub.subscribe({ limit: 3 });
    for (let seq = 1; seq <= 10; seq += 1) hub.deliver(event(seq));
    expect(seqOf((await reader.next()).value as DomainEvent)).toBe(1);
    hub.deliver(event(11)); // there is room again, for the word of those that were missed only
    const rest: number[] = [];
    for (let read = 0; read < 4; read += 1) rest.push(seqOf((await reader.next()).value as DomainEvent));
    expect(rest).toEqual([2, 3, -7, 11]);
    hub.close();
  });

  it('filters', async () => {
    const hub = new EventHub();
    const reader = hub.subscribe({ filter: (one) => one.domain === 'db' });
    hub.deliver(event(1));
    hub.deliver(event(2, 'db'));
    const reading = read(reader);
    hub.close();
    expect(await reading).toEqual([2]);
  });

  it('ends the loops of its readers when it closes, behind what they have not read yet', async () => {
    const hub = new EventHub();
    const waiting = read(hub.subscribe());
    const behind = hub.subscribe();
    hub.deliver(event(1));
    hub.close();
    expect(await waiting).toEqual([1]);
    expect(await read(behind)).toEqual([1]);
    expect(await read(hub.subscribe())).toEqual([]);
  });

  it('tells its readers of an error when the events break off', async () => {
    const hub = new EventHub();
    const reading = read(hub.subscribe());
    hub.close(new Error('the log is gone'));
    await expect(reading).rejects.toThrow('the log is gone');
  });

  it('forgets a reader that breaks out of its loop or is disposed', async () => {
    const hub = new EventHub();
    const loop = hub.subscribe();
    hub.deliver(event(1));
    for await (const one of loop) {
      expect(seqOf(one)).toBe(1);
      break;
    }
    {
      await using _scoped = hub.subscribe();
    }
    expect(hub.size).toBe(0);
  });
});
