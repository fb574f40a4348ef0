import { describe, expect, it } from 'vitest';
import { makeRoom, type Autoballoon, type Clock } from '../../../../src/host/memory/make-room.js';
import type { HostInfo } from '../../../../src/toolstack/toolstack.js';
import { never } from '../../../support/local-host.js';

const MIB = 1024;

/** A host whose domain 0 gives up so much at each look. */
class FakeHost {
  readonly targets: number[] = [];
  targetKiB: number;
  nowMs = 0;
  constructor(
    public freeKiB: number,
    public dom0KiB: number,
    private readonly perLookKiB: number,
    private readonly more: Partial<HostInfo> = {},
  ) {
    this.targetKiB = dom0KiB;
  }

  host = (): Promise<HostInfo> => {
    const step = Math.min(this.perLookKiB, Math.max(0, this.dom0KiB - this.targetKiB));
    this.dom0KiB -= step;
    this.freeKiB += step;
    return Promise.resolve({
      hostname: 'hv1',
      toolstack: 'libxl',
      version: '4.17',
      totalMemoryKiB: 16384 * MIB,
      freeMemoryKiB: this.freeKiB,
      cpus: 4,
      streamVersions: [2],
      lacks: [],
      guestAbis: [],
      dom0: { memoryKiB: this.dom0KiB, vcpus: 1, vcpusMax: 1 },
      ...this.more,
    });
  };

  setDom0Target = (kib: number): Promise<void> => {
    this.targets.push(kib);
    this.targetKiB = kib;
    return Promise.resolve();
  };

  readonly clock: Clock = {
    nowMs: () => this.nowMs,
    sleep: (ms) => {
      this.nowMs += ms;
      return Promise.resolve();
    },
  };

  make(neededMiB: number, autoballoon: Autoballoon = 'auto', signal = never): Promise<void> {
    return makeRoom(this, autoballoon, { name: 'web1', neededKiB: neededMiB * MIB, signal }, this.clock);
  }
}

describe('S49: room for a guest', () => {
  it('is made by domain 0, of just what is missing', async () => {
    const host = new FakeHost(1000 * MIB, 4000 * MIB, 4000 * MIB);
    await host.make(2000);
    expect(host.targets).toEqual([3000 * MIB]);
    expect(host.freeKiB).toBe(2000 * MIB);
    await host.make(500);
    expect(host.targets).toHaveLength(1);
  });

  it('waits for a domain 0 that takes its time, and does not ask it for more than is missing', async () => {
    const host = new FakeHost(1000 * MIB, 4000 * MIB, 45 * MIB);
    await host.make(2000);
    expect(new Set(host.targets)).toEqual(new Set([3000 * MIB]));
    expect(host.targets.length).toBeGreaterThan(1);
    expect(host.dom0KiB).toBeGreaterThanOrEqual(3000 * MIB);
  });

  it('is given up after three times 10 s, in numbers', async () => {
    const host = new FakeHost(1000 * MIB, 4000 * MIB, 0);
    await expect(host.make(2000)).rejects.toMatchObject({
      code: 'E_REFUSED_NO_MEMORY',
      message:
        'not enough memory: web1 needs 2000 MiB, 1000 MiB are free, domain 0 has 4000 MiB; failed to balloon domain 0: it did not release 1000 MiB more in 30 s',
    });
    expect(host.targets).toHaveLength(3);
    expect(host.nowMs).toBe(30_000);
  });

  it('is not tried where domain 0 would have too little', async () => {
    const host = new FakeHost(1000 * MIB, 4000 * MIB, 4000 * MIB);
    await expect(host.make(4900)).rejects.toThrow(/domain 0 has 4000 MiB and keeps 128 MiB at least/);
    const told = new FakeHost(1000 * MIB, 4000 * MIB, 4000 * MIB, { commandLine: 'dom0_mem=min:3500M' });
    await expect(told.make(2000, true)).rejects.toThrow(/keeps 3500 MiB at least/);
    expect([...host.targets, ...told.targets]).toEqual([]);
  });

  it('is domain 0’s only where nobody has settled how much it has: the configuration wins, then the command line', async () => {
    const limited = { commandLine: 'dom0_mem=4G,max:4G' };
    const tries: [Autoballoon, Partial<HostInfo>, boolean][] = [
      ['auto', {}, true],
      ['auto', limited, false],
      [true, limited, true],
      [false, {}, false],
      ['auto', { lacks: ['dom0-balloon'] }, false],
      ['auto', { dom0: undefined }, false],
    ];
    for (const [autoballoon, more, shrinks] of tries) {
      const host = new FakeHost(1000 * MIB, 4000 * MIB, 4000 * MIB, more);
      await host.make(2000, autoballoon); // where it is not, the toolstack will say that there is too little
      expect(host.targets.length).toBe(shrinks ? 1 : 0);
    }
  });

  it('is given up at once where somebody wants it stopped', async () => {
    const host = new FakeHost(1000 * MIB, 4000 * MIB, 0);
    const stop = new AbortController();
    const clock: Clock = {
      nowMs: () => 0,
      sleep: () => {
        stop.abort(new Error('stopped by Ctrl-C'));
        return Promise.resolve();
      },
    };
    const room = makeRoom(host, true, { name: 'web1', neededKiB: 2000 * MIB, signal: stop.signal }, clock);
    await expect(room).rejects.toThrow('stopped by Ctrl-C');
  });
});
