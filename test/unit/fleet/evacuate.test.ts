import { describe, expect, it } from 'vitest';
import { evacuate, type Evacuation, type Move } from '../../../src/fleet/evacuate.js';
import { planEvacuation, type Leaver } from '../../../src/fleet/plan.js';

const guest = (name: string, mib: number): Leaver => ({ uuid: `uuid of ${name}`, name, memoryKiB: mib * 1024 });
const MOVED: Move = { came: 'moved', totalMs: 1000, downtimeMs: 10, warnings: [] };
const why = (code: string): { code: string; message: string } => ({ code, message: `because of ${code}` });
const stays = (code: string): Move => ({
  came: 'stays',
  why: why(code),
  isUnreachable: code === 'E_TUNNEL_UNREACHABLE',
});

describe('who goes where', () => {
  it('the largest first, each to where least was sent', () => {
    const routes = planEvacuation([guest('s', 1), guest('l', 8), guest('m', 4), guest('n', 4)], ['x', 'y']);
    expect(routes.map(({ leaver, destinations }) => [leaver.name, ...destinations])).toEqual([
      ['l', 'x', 'y'],
      ['m', 'y', 'x'],
      ['n', 'y', 'x'],
      ['s', 'x', 'y'],
    ]);
  });

  it('counts what a destination was given before', () => {
    const routes = planEvacuation([guest('a', 1), guest('b', 1)], ['x', 'y'], new Map([['x', 1024 * 5]]));
    expect(routes.map(({ destinations }) => destinations[0])).toEqual(['y', 'y']);
  });

  it('asks every destination in the end', () => {
    for (const { destinations } of planEvacuation([guest('a', 1), guest('b', 2)], ['x', 'y', 'z'])) {
      expect(destinations.toSorted()).toEqual(['x', 'y', 'z']);
    }
  });
});

/** A host with these domains, from which `move` says what becomes of each. */
class FakeHost {
  readonly here: Leaver[];
  readonly asked: string[] = [];
  most = 0;
  #under = 0;
  readonly cancel = new AbortController();

  constructor(
    domains: readonly Leaver[],
    private readonly answer: (leaver: Leaver, destination: string) => Move,
  ) {
    this.here = [...domains];
  }

  run(options: Partial<Evacuation> = {}): ReturnType<typeof evacuate> {
    return evacuate({
      destinations: ['x', 'y'],
      parallel: 2,
      list: () => Promise.resolve([...this.here]),
      arrivals: () => Promise.resolve([]),
      move: async (leaver, destination) => {
        this.asked.push(`${leaver.name} ${destination}`);
        this.#under += 1;
        this.most = Math.max(this.most, this.#under);
        await new Promise(setImmediate);
        this.#under -= 1;
        const move = this.answer(leaver, destination);
        const at = this.here.findIndex(({ uuid }) => uuid === leaver.uuid);
        if (at >= 0 && (move.came === 'moved' || move.came === 'gone')) this.here.splice(at, 1);
        return move;
      },
      onNews: () => undefined,
      cancel: this.cancel.signal,
      ...options,
    });
  }
}

describe('a host that is emptied', () => {
  const five = ['a', 'b', 'c', 'd', 'e'].map((name) => guest(name, 4));

  it('is empty, with so many under way at a time', async () => {
    const host = new FakeHost(five, () => MOVED);
    const { domains, left } = await host.run();
    expect(left).toEqual([]);
    expect(domains).toHaveLength(5);
    expect(domains.every(({ result, reasons }) => result === 'moved' && reasons.length === 0)).toBe(true);
    expect(host.most).toBe(2);
    expect(new Set(domains.map(({ destination }) => destination))).toEqual(new Set(['x', 'y']));
  });

  it('asks the next destination where one refuses, and says what the first one said', async () => {
    const host = new FakeHost([guest('a', 4)], (_, destination) =>
      destination === 'x' ? stays('E_REFUSED_NO_MEMORY') : MOVED,
    );
    expect((await host.run()).domains).toMatchObject([
      { name: 'a', result: 'moved', destination: 'y', reasons: [{ destination: 'x', code: 'E_REFUSED_NO_MEMORY' }] },
    ]);
  });

  it('does not stop for one that cannot leave, and asks each destination once', async () => {
    const host = new FakeHost(five, ({ name }) => (name === 'c' ? stays('E_REFUSED_NO_MEMORY') : MOVED));
    const { domains, left } = await host.run();
    expect(left).toEqual(['c']);
    expect(domains.find(({ name }) => name === 'c')).toMatchObject({ result: 'stays', reasons: [{}, {}] });
    expect(domains.filter(({ result }) => result === 'moved')).toHaveLength(4);
    expect(host.asked).toHaveLength(6);
  });

  it('leaves a destination alone that cannot be reached', async () => {
    const host = new FakeHost(five, (_, destination) => (destination === 'x' ? stays('E_TUNNEL_UNREACHABLE') : MOVED));
    const { left } = await host.run({ parallel: 1 });
    expect(left).toEqual([]);
    expect(host.asked.filter((asked) => asked.endsWith(' x'))).toHaveLength(1);
  });

  it('says of each why it stays where no destination can be reached', async () => {
    const host = new FakeHost(five, () => stays('E_TUNNEL_UNREACHABLE'));
    const { domains, left } = await host.run({ parallel: 1 });
    expect(left).toHaveLength(5);
    expect(host.asked).toHaveLength(2);
    for (const { result, reasons } of domains) {
      expect(result).toBe('stays');
      expect(reasons.map(({ destination }) => destination).toSorted()).toEqual(['x', 'y']);
    }
  });

  it.each(['in-doubt', 'not-running'] as const)('offers a domain that is %s to nobody else', async (came) => {
    const host = new FakeHost(five, ({ name }) => (name === 'b' ? { came, why: why('E_TUNNEL_LOST') } : MOVED));
    const { domains } = await host.run();
    expect(domains.find(({ name }) => name === 'b')).toMatchObject({
      result: came,
      reasons: [{ code: 'E_TUNNEL_LOST' }],
    });
    expect(host.asked.filter((asked) => asked.startsWith('b '))).toHaveLength(1);
  });

  it('also of those who have come meanwhile', async () => {
    const host = new FakeHost([guest('a', 4)], ({ name }) => {
      if (name === 'a') host.here.push(guest('late', 4));
      return MOVED;
    });
    const { domains, left } = await host.run();
    expect(domains.map(({ name }) => name)).toEqual(['a', 'late']);
    expect(left).toEqual([]);
  });

  it('also of those who were on their way when it was closed', async () => {
    const host = new FakeHost([guest('a', 4)], () => MOVED);
    const arrivals = async (): Promise<string[]> => {
      await new Promise(setImmediate);
      host.here.push(guest('late', 4));
      return [];
    };
    const { domains, left } = await host.run({ arrivals });
    expect(domains.map(({ name }) => name)).toEqual(['a', 'late']);
    expect(left).toEqual([]);
  });

  it('is not called empty while somebody is still on the way', async () => {
    const host = new FakeHost([], () => MOVED);
    host.cancel.abort();
    expect(await host.run({ arrivals: () => Promise.resolve(['late']) })).toEqual({ domains: [], left: ['late'] });
  });

  it('says that one came back, and does not send it away for ever', async () => {
    const host = new FakeHost([guest('a', 4)], (leaver) => {
      host.here.push(leaver);
      return MOVED;
    });
    const { domains, left } = await host.run();
    expect(domains).toMatchObject([{ name: 'a', result: 'moved' }]);
    expect(left).toEqual(['a']);
    expect(host.asked).toHaveLength(1);
  });

  it('counts one that stopped by itself as gone', async () => {
    const host = new FakeHost([guest('a', 4)], () => ({ came: 'gone' }));
    expect(await host.run()).toMatchObject({ domains: [{ name: 'a', result: 'gone' }], left: [] });
  });

  it('begins nothing more once it is to stop, and says who is still here', async () => {
    const host = new FakeHost(five, () => {
      host.cancel.abort();
      return MOVED;
    });
    const { domains, left } = await host.run({ parallel: 1 });
    expect(host.asked).toHaveLength(1);
    expect(domains.filter(({ result }) => result === 'moved')).toHaveLength(1);
    expect(domains.filter(({ result, reasons }) => result === 'stays' && reasons.length === 0)).toHaveLength(4);
    expect(left).toHaveLength(4);
  });

  it('that cannot be looked at again is not called empty, and what was done is told', async () => {
    let looks = 0;
    const host = new FakeHost([guest('a', 4), guest('b', 4)], ({ name }) =>
      name === 'a' ? MOVED : stays('E_REFUSED_NO_MEMORY'),
    );
    const list = (): Promise<Leaver[]> => {
      looks += 1;
      return looks === 1 ? Promise.resolve([...host.here]) : Promise.reject(new Error('xenstored is gone'));
    };
    const report = await host.run({ list });
    expect(report).toMatchObject({ left: ['b'], unseen: 'xenstored is gone' });
    expect(report.domains).toHaveLength(2);
    await expect(host.run({ list })).rejects.toThrow('xenstored is gone');
  });

  it('that is empty already is no work', async () => {
    expect(await new FakeHost([], () => MOVED).run()).toEqual({ domains: [], left: [] });
  });
});
