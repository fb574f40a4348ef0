import { describe, expect, it } from 'vitest';
import { LibxlContext } from '../../../../src/toolstack/libxl/context.js';
import { watchDomains } from '../../../../src/toolstack/libxl/domain-watch.js';
import { EventPump } from '../../../../src/toolstack/libxl/event-pump.js';
import type { ToolstackEvent } from '../../../../src/toolstack/toolstack.js';
import { FakeNative } from './fake-native.js';

const UUID = 'aaaaaaaa-2222-4333-8444-555555555555';

/** A watch over one domain, and a way to wait for what it tells and asks. */
function watching(prepare: (native: FakeNative) => void = () => undefined): {
  native: FakeNative;
  stop: () => Promise<void>;
  told: (count: number) => Promise<ToolstackEvent[]>;
  called: (call: string, times: number) => Promise<void>;
} {
  const native = new FakeNative();
  native.domains.push({ domid: 3, uuid: UUID, name: 'guest' });
  prepare(native);
  const pump = new EventPump(native);
  const tap = {
    during: async <T>(_a: unknown, _b: unknown, work: () => Promise<T>) => ({ result: await work(), errors: [] }),
  };
  const queries = new LibxlContext(native, pump, tap).queries;
  const events: ToolstackEvent[] = [];
  const abort = new AbortController();
  const done = watchDomains(native, pump, queries, (event) => events.push(event), abort.signal);
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    native,
    stop: async () => {
      abort.abort();
      await done;
    },
    told: async (count) => {
      await until(() => events.length >= count);
      return events;
    },
    called: (call, times) => until(() => native.calls.filter((made) => made === call).length >= times),
  };
}

describe('watch over domains', () => {
  it('tells of shutdown and death, and forgets the dead', async () => {
    const { native, stop, told, called } = watching();
    await called('watch death of 3', 1);
    native.happen({ domid: 3, 'type.domain_shutdown': { shutdown_reason: 3 } });
    native.domains.splice(1);
    native.happen({ domid: 3, 'type.domain_death': {} });
    native.happen({ domid: 3, 'type.domain_death': {} });
    expect(await told(2)).toEqual([
      { type: 'shutdown', domid: 3, uuid: UUID, reason: 'crash' },
      { type: 'death', domid: 3, uuid: UUID },
    ]);
    await stop();
    expect(native.calls).toEqual(['watch death of 3']);
  });

  it('never watches domain 0', async () => {
    const { native, stop, called } = watching();
    await called('watch death of 3', 1);
    await stop();
    expect(native.calls.some((call) => call.endsWith(' 0'))).toBe(false);
  });

  it('watches domains that come later', async () => {
    const { native, stop, called } = watching();
    await called('watch death of 3', 1);
    native.domains.push({ domid: 4, uuid: UUID.replace('a', 'b'), name: 'later' });
    await called('watch death of 4', 1);
    await stop();
  });

  it('a domain that was suspended and resumed is watched anew: libxl tells of one shutdown for each watch', async () => {
    const { native, stop, told, called } = watching();
    await called('watch death of 3', 1);
    Object.assign(native.domains[1], { shutdown: true });
    native.happen({ domid: 3, 'type.domain_shutdown': { shutdown_reason: 2 } });
    await told(1);
    Object.assign(native.domains[1], { shutdown: false });
    await called('watch death of 3', 2);
    expect(native.calls).toContain('unwatch death');
    native.happen({ domid: 3, 'type.domain_shutdown': {} });
    expect((await told(2)).map((event) => event.type === 'shutdown' && event.reason)).toEqual(['suspend', 'poweroff']);
    await stop();
  });

  it('tells of ejected disks, where libxl knows of a CD-ROM', async () => {
    const { native, stop, told, called } = watching((fake) => {
      fake.userdata = () => '{"disks": [{"vdev": "xvda"}, {"vdev": "hdc", "is_cdrom": 1}]}';
    });
    await called('watch eject of 3 hdc', 1);
    native.happen({ domid: 3, 'type.disk_eject': { vdev: 'hdc', disk: {} } });
    expect(await told(1)).toEqual([{ type: 'disk-eject', domid: 3, uuid: UUID, vdev: 'hdc' }]);
    await stop();
    expect(native.calls).toContain('unwatch eject');
    expect(native.calls).not.toContain('watch eject of 3 xvda');
  });
});
