import { describe, expect, it } from 'vitest';
import { EventPump } from '../../../../src/toolstack/libxl/event-pump.js';
import { FakeNative } from './fake-native.js';

describe('libxl event loop', () => {
  it('gives every operation its own end, in whatever order they come', async () => {
    const native = new FakeNative();
    const pump = new EventPump(native);
    const tags: bigint[] = [];
    const start = (tag: bigint): Promise<number> => {
      tags.push(tag);
      return Promise.resolve(0);
    };
    const first = pump.run(start);
    const second = pump.run(start);
    await Promise.resolve();
    native.happen({ domid: 2, for_user: Number(tags[1]), 'type.operation_complete': { rc: -3 } });
    expect(await second).toBe(-3);
    native.happen({ domid: 1, for_user: Number(tags[0]), 'type.operation_complete': {} });
    expect(await first).toBe(0);
  });

  it('does not turn when nobody waits', async () => {
    const native = new FakeNative();
    const pump = new EventPump(native);
    let turns = 0;
    const turn = native.turn.bind(native);
    native.turn = (ms) => {
      turns += 1;
      return turn(ms);
    };
    native.awaitEvent = () => {
      turns += 1;
      return Promise.reject(new Error('nobody waits'));
    };
    await pump.run((tag) => native.pause(3, tag));
    expect(turns).toBe(0); // it had ended within the call
  });

  it('a loop that fails fails whoever waits, and turns again for the next', async () => {
    const native = new FakeNative();
    const pump = new EventPump(native);
    const wait = native.awaitEvent.bind(native);
    native.awaitEvent = () => Promise.reject(new Error('the loop broke'));
    await expect(pump.run(() => Promise.resolve(0))).rejects.toThrow('the loop broke');
    native.awaitEvent = wait;
    expect(await pump.run((tag) => native.pause(3, tag))).toBe(0);
  });

  it('an event of unknown form is our mistake, and says which', async () => {
    const native = new FakeNative();
    const pump = new EventPump(native);
    const run = pump.run(() => Promise.resolve(0));
    native.happen({ domid: 'three' });
    await expect(run).rejects.toMatchObject({ code: 'E_BUG', data: { event: '{"domid":"three"}' } });
  });

  it('tells watchers of domains until they stop', async () => {
    const native = new FakeNative();
    const pump = new EventPump(native);
    const heard: number[] = [];
    const first = new Promise<void>((resolve) => {
      const subscription = pump.watch((event) => {
        heard.push(event.domid);
        subscription.stop();
        resolve();
      });
    });
    native.happen({ domid: 3, 'type.domain_death': {} });
    native.happen({ domid: 4, 'type.domain_death': {} });
    await first;
    await pump.run((tag) => native.pause(3, tag));
    expect(heard).toEqual([3]);
  });
});
