import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DialAhead } from '../../../../src/migration/connect/dial-ahead.js';
import type { Dialer, Link } from '../../../../src/tunnel/link.js';

const never = new AbortController().signal;

afterEach(() => {
  vi.useRealTimers();
});

function link(): Link {
  const duplex = new PassThrough();
  return {
    peer: { transport: 'tls', name: 'host2', address: '127.0.0.1:1' },
    duplex,
    destroy: (error) => duplex.destroy(error),
  };
}

/** Gives out these, one after the other, as soon as each is there. */
function dialerOf(...links: (Link | Promise<Link>)[]): { readonly dialer: Dialer; dialled: number } {
  const seen = { dialled: 0 };
  const no = (): Promise<never> => Promise.reject(new Error('not here'));
  return Object.assign(seen, {
    dialer: {
      transport: 'tls',
      target: 'host2',
      dial: () => {
        const next = links[seen.dialled];
        seen.dialled += 1;
        return Promise.resolve(next);
      },
      dialAgain: no,
      dialLane: no,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  });
}

describe('a destination that is dialled ahead', () => {
  it('has its first link by then, and further ones are dialled', async () => {
    const [first, second] = [link(), link()];
    const far = dialerOf(first, second);
    using ahead = new DialAhead(far.dialer);
    ahead.begin(never);
    ahead.begin(never);
    expect(far.dialled).toBe(1);
    expect(await ahead.dial(never)).toBe(first);
    expect(far.dialled).toBe(1);
    expect(await ahead.dial(never)).toBe(second);
  });

  it('need not be', async () => {
    const only = link();
    using ahead = new DialAhead(dialerOf(only).dialer);
    expect(await ahead.dial(never)).toBe(only);
  });

  it('whoever takes the link hears why there is none, once', async () => {
    const second = link();
    const far = dialerOf(Promise.reject(new Error('no route')), second);
    using ahead = new DialAhead(far.dialer);
    ahead.begin(never);
    await expect(ahead.dial(never)).rejects.toThrow('no route');
    expect(await ahead.dial(never)).toBe(second);
  });

  it('is dialled anew where the link has stood silent for long, or has broken', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const [old, broken, good] = [link(), link(), link()];
    const far = dialerOf(old, broken, good);
    using ahead = new DialAhead(far.dialer);
    ahead.begin(never);
    await new Promise(setImmediate);
    vi.advanceTimersByTime(3_000);
    expect(await ahead.dial(never)).toBe(broken);
    expect(old.duplex.destroyed).toBe(true);

    const again = dialerOf(broken, good);
    using next = new DialAhead(again.dialer);
    next.begin(never);
    await new Promise(setImmediate);
    const closed = new Promise((resolve) => broken.duplex.once('close', resolve));
    broken.destroy(new Error('reset'));
    await closed;
    expect(await next.dial(never)).toBe(good);
  });

  it('a link that nobody waits for any more is cut when it comes', async () => {
    let arrive: (arrived: Link) => void = () => undefined;
    const late = link();
    const far = dialerOf(new Promise<Link>((resolve) => (arrive = resolve)));
    using ahead = new DialAhead(far.dialer);
    ahead.begin(never);
    await expect(ahead.dial(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    arrive(late);
    await once(late.duplex, 'close');
  });

  it('whoever does not want it any more does not wait for it either', () => {
    let asked: AbortSignal | undefined;
    const { dialer } = dialerOf();
    const silent: Dialer = {
      ...dialer,
      dial: (signal) => {
        asked = signal;
        return new Promise<Link>(() => undefined);
      },
    };
    {
      using ahead = new DialAhead(silent);
      ahead.begin(never);
      expect(asked?.aborted).toBe(false);
    }
    expect(asked?.aborted).toBe(true);
  });

  it('a link that nobody takes is cut, and one that was taken is not', async () => {
    const [unused, used] = [link(), link()];
    {
      using ahead = new DialAhead(dialerOf(unused).dialer);
      ahead.begin(never);
    }
    await once(unused.duplex, 'close');
    {
      using ahead = new DialAhead(dialerOf(used).dialer);
      ahead.begin(never);
      await ahead.dial(never);
    }
    expect(used.duplex.destroyed).toBe(false);
  });
});
