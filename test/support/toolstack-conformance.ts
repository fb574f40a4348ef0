import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CpuSet } from '../../src/domain/cpu-set.js';
import { isPluggable } from '../../src/domain/definition/pluggable.js';
import { parseDeviceXml, readDefinition } from '../../src/domain/definition/read.js';
import { AbortedError } from '../../src/errors/errors.js';
import { asError } from '../../src/errors/message-of.js';
import { FdWriter, readFd } from '../../src/posix/fd-stream.js';
import { makePipe, type OwnedFd } from '../../src/posix/owned-fd.js';
import { guestDomid, type Domid } from '../../src/toolstack/domid.js';
import type {
  DomainInfo,
  GuestConfig,
  Toolstack,
  ToolstackEvent,
  TransferEvent,
} from '../../src/toolstack/toolstack.js';

/** What the suite needs of a toolstack: made anew for each test. */
export interface ConformanceRig extends AsyncDisposable {
  readonly toolstack: Toolstack;
  /** A guest that can be made and saved live; each call another name and UUID. */
  newGuest(): GuestConfig;
  /** As `newGuest`, where some guests take longer to dump than a test may. */
  newDumped?(): GuestConfig;
  /** An image for a disk that is plugged in; goes with the rig. */
  readonly image: string;
  /** Resolves when the guest has come so far that it answers a request to suspend or shut down. */
  ready(id: Domid): Promise<void>;
}

/** How long a guest may take to do as it was asked, where nothing else is said. */
const GUEST_MS = 60_000;
/** A whole guest through a pipe, into an emulated host. */
const WRITE_MS = 300_000;

/** Xen and domain 0 take a few pages for themselves while domains come and go; the smallest guest has far more. */
const HOST_OWN_KIB = 512;

const never = new AbortController().signal;

/** The promises of the `Toolstack` contract, for every implementation. */
export function toolstackConformance(
  name: string,
  make: () => Promise<ConformanceRig>,
  { guestMs = GUEST_MS }: { readonly guestMs?: number } = {},
): void {
  describe(`${name}: toolstack contract`, () => {
    let rig: ConformanceRig;
    let toolstack: Toolstack;
    beforeEach(async () => {
      rig = await make();
      ({ toolstack } = rig);
    });
    afterEach(async () => {
      for (const info of await toolstack.list()) await toolstack.destroy(info.domid);
      await rig[Symbol.asyncDispose]();
    });

    const start = async (config = rig.newGuest()): Promise<{ id: Domid; config: GuestConfig }> => {
      const id = await toolstack.create(config);
      await toolstack.unpause(id);
      await rig.ready(id);
      return { id, config };
    };
    const infoOf = async (id: Domid): Promise<DomainInfo> => {
      const info = await toolstack.info(id);
      if (info === undefined) throw new Error(`domain ${id} is not there`);
      return info;
    };
    const saveAway = async (
      id: Domid,
      options: { live: boolean; onEvent?: (event: TransferEvent) => void },
    ): Promise<Buffer> => {
      const pipe = makePipe('save');
      const saved = toolstack.save(id, pipe.writeEnd, { ...options, signal: never });
      const chunks: Uint8Array[] = [];
      for await (const chunk of readFd(pipe.readEnd, never)) chunks.push(chunk);
      await saved;
      return Buffer.concat(chunks);
    };

    it('tells of the host', async () => {
      const host = await toolstack.host();
      expect(host.hostname).not.toBe('');
      expect(host.cpus).toBeGreaterThan(0);
      expect(host.freeMemoryKiB).toBeGreaterThan(0);
      expect(host.freeMemoryKiB).toBeLessThanOrEqual(host.totalMemoryKiB);
      expect(host.streamVersions).toContain(2);
    });

    it('makes a domain that is paused, lets it run, pauses it', async () => {
      const config = rig.newGuest();
      const { domain } = config;
      const id = await toolstack.create(config);
      expect(await toolstack.info(id)).toMatchObject({
        domid: id,
        uuid: domain.uuid,
        name: domain.name,
        state: 'paused',
      });
      await toolstack.unpause(id);
      expect((await infoOf(id)).state).toBe('running');
      expect((await infoOf(id)).shutdownReason).toBeUndefined();
      await toolstack.pause(id);
      expect((await infoOf(id)).state).toBe('paused');
    });

    it('finds domains by name, UUID and id, and none where there is none', async () => {
      const config = rig.newGuest();
      const id = await toolstack.create(config);
      for (const ref of [config.domain.name, config.domain.uuid, config.domain.uuid.toUpperCase(), String(id)]) {
        expect((await toolstack.lookup(ref))?.domid, ref).toBe(id);
      }
      expect(await toolstack.lookup('no-such-domain')).toBeUndefined();
      expect(await toolstack.lookup('0')).toBeUndefined();
      expect(await toolstack.info(guestDomid(0x7fe0))).toBeUndefined();
      expect((await toolstack.list()).map((info) => info.domid)).toEqual([id]);
    });

    it('knows what a domain was made from', async () => {
      const config = rig.newGuest();
      const id = await toolstack.create(config);
      const { domain } = await toolstack.describe(id);
      const { name, uuid, type, memoryMaxKiB, vcpusMax } = config.domain;
      expect(domain).toMatchObject({ name, uuid, type, memoryMaxKiB, vcpusMax });
    });

    it('S39: renames a domain, but not to a name that is taken', async () => {
      const id = await toolstack.create(rig.newGuest());
      await toolstack.rename(id, 'renamed');
      expect((await infoOf(id)).name).toBe('renamed');
      expect((await toolstack.describe(id)).domain.name).toBe('renamed');
      expect((await toolstack.lookup('renamed'))?.domid).toBe(id);
      const other = await toolstack.create(rig.newGuest());
      await expect(toolstack.rename(other, 'renamed')).rejects.toThrow(/renamed/);
      expect((await infoOf(other)).name).not.toBe('renamed');
    });

    it('keeps what is left of a guest that has shut down under another name and UUID', async () => {
      const { id, config } = await start();
      const uuid = '11111111-2222-4333-8444-555555555555';
      await toolstack.shutdown(id);
      await expect.poll(async () => (await infoOf(id)).state, { timeout: guestMs }).toBe('shutdown');
      await toolstack.preserve(id, '-1', uuid);
      expect(await infoOf(id)).toMatchObject({ name: `${config.domain.name}-1`, uuid, state: 'shutdown' });
      // Its name and UUID are another's to have.
      const again = await toolstack.create(config);
      expect((await toolstack.lookup(config.domain.uuid))?.domid).toBe(again);
      expect((await toolstack.lookup(uuid))?.domid).toBe(id);
    });

    it('F37: makes no second domain of a name or UUID', async () => {
      const config = rig.newGuest();
      const id = await toolstack.create(config);
      const sameUuid = { ...rig.newGuest().domain, uuid: config.domain.uuid };
      const sameName = { ...rig.newGuest().domain, name: config.domain.name };
      await expect(toolstack.create({ domain: sameUuid })).rejects.toThrow();
      await expect(toolstack.create({ domain: sameName })).rejects.toThrow();
      expect((await toolstack.list()).map((info) => info.domid)).toEqual([id]);
    });

    it('destroys a domain, and again, and frees its memory', async () => {
      const before = (await toolstack.host()).freeMemoryKiB;
      const id = await toolstack.create(rig.newGuest());
      expect((await toolstack.host()).freeMemoryKiB).toBeLessThan(before);
      await toolstack.destroy(id);
      expect(await toolstack.info(id)).toBeUndefined();
      expect(await toolstack.list()).toEqual([]);
      await toolstack.destroy(id);
    });

    it('never takes domain 0 for a guest', () => {
      expect(() => guestDomid(0)).toThrow(/Domain-0/);
    });

    it('changes how much memory a running domain has, never its maximum', async () => {
      const { id, config } = await start();
      const { memoryMaxKiB } = config.domain;
      const less = Math.floor((memoryMaxKiB * 3) / 4 / 1024) * 1024;
      await toolstack.setMemory(id, less);
      await expect.poll(async () => (await infoOf(id)).memoryKiB, { timeout: guestMs }).toBeLessThan(memoryMaxKiB);
      expect((await infoOf(id)).maxMemoryKiB).toBe(memoryMaxKiB);
      expect((await toolstack.describe(id)).domain.memoryMaxKiB).toBe(memoryMaxKiB);
    });

    it('takes no amount of memory that a domain cannot have, and leaves it as it was', async () => {
      const { id, config } = await start();
      const before = await infoOf(id);
      for (const kib of [0, -4096, config.domain.memoryMaxKiB + 1024 * 1024]) {
        await expect(toolstack.setMemory(id, kib), String(kib)).rejects.toMatchObject({
          code: expect.stringMatching(/^E_TOOLSTACK_/) as string,
        });
      }
      expect(await infoOf(id)).toMatchObject({ memoryKiB: before.memoryKiB, state: 'running' });
    });

    it('pins to one processor at least', async () => {
      const { id } = await start();
      const [before] = await toolstack.vcpus(id);
      await expect(toolstack.pinVcpu(id, 0, CpuSet.NONE)).rejects.toThrow();
      expect((await toolstack.vcpus(id))[0].affinity).toEqual(before.affinity);
    });

    it('says that a domain has gone whose processors are asked for', async () => {
      const { id } = await start();
      await toolstack.destroy(id);
      await expect(toolstack.vcpus(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_DOMAIN_GONE' });
    });

    it('shows and pins its processors, and switches all but the first off', async () => {
      const { id, config } = await start();
      expect(await toolstack.vcpus(id)).toHaveLength(config.domain.vcpusMax);
      await toolstack.pinVcpu(id, 0, CpuSet.of([0]));
      const [first] = await toolstack.vcpus(id);
      const { cpus } = await toolstack.host();
      expect(first).toMatchObject({ number: 0, affinity: cpus === 1 ? undefined : CpuSet.of([0]) });
      expect(first.state).not.toBe('offline');
      await toolstack.setVcpus(id, CpuSet.of([0]));
      const online = async (): Promise<number> =>
        (await toolstack.vcpus(id)).filter(({ state }) => state !== 'offline').length;
      await expect.poll(online, { timeout: guestMs }).toBe(1);
    });

    it('S47: gives a running domain a disk, once, and takes it out again', async () => {
      const { id } = await start();
      const disk = parseDeviceXml(
        `<disk type='file'><driver type='raw'/><source file='${rig.image}'/><target dev='xvdb' bus='xen'/></disk>`,
      );
      if (!isPluggable(disk)) throw new Error('a disk can be plugged in');
      const disks = async (): Promise<unknown[]> => {
        const { definition } = readDefinition((await toolstack.describe(id)).domain, { lenient: true });
        return definition.devices.filter(({ kind }) => kind === 'disk');
      };
      await expect(toolstack.detach(id, disk, { force: false })).rejects.toMatchObject({
        code: 'E_TOOLSTACK_NOTFOUND',
      });
      await toolstack.attach(id, disk);
      expect(await disks()).toMatchObject([{ target: 'xvdb', source: { path: rig.image }, format: 'raw' }]);
      expect(await disks()).not.toMatchObject([{ driver: undefined }]);
      await expect(toolstack.attach(id, disk)).rejects.toMatchObject({ code: 'E_TOOLSTACK_DEVICE_EXISTS' });
      expect(await disks()).toHaveLength(1);
      await toolstack.detach(id, disk, { force: false });
      expect(await disks()).toEqual([]);
      expect((await infoOf(id)).state).toBe('running');
    });

    it('S35, L02: tells weight and cap, and changing one keeps the other', async () => {
      const { id } = await start();
      const { scheduler } = await toolstack.scheduling(id);
      expect(['credit', 'credit2']).toContain(scheduler);
      await toolstack.setScheduling(id, { weight: 500, cap: 50 });
      expect(await toolstack.scheduling(id)).toEqual({ scheduler, weight: 500, cap: 50 });
      await toolstack.setScheduling(id, { cap: 150 });
      expect(await toolstack.scheduling(id)).toEqual({ scheduler, weight: 500, cap: 150 });
      await toolstack.setScheduling(id, { weight: 1 });
      expect(await toolstack.scheduling(id)).toEqual({ scheduler, weight: 1, cap: 150 });
      await toolstack.setScheduling(id, { weight: 65_535, cap: 0 });
      expect(await toolstack.scheduling(id)).toEqual({ scheduler, weight: 65_535, cap: 0 });
      expect(readDefinition((await toolstack.describe(id)).domain, { lenient: true }).definition.cpuShares).toBe(
        65_535,
      );
    });

    it('S35: takes no weight and no cap that a domain cannot have, and leaves them as they were', async () => {
      const { id, config } = await start();
      await toolstack.setScheduling(id, { weight: 300, cap: 40 });
      const before = await toolstack.scheduling(id);
      const over = 100 * config.domain.vcpusMax + 1;
      for (const change of [
        { weight: 0 },
        { weight: -1 },
        { weight: 65_536 },
        { cap: -1 },
        { cap: over },
        { cap: 0.5 },
      ]) {
        await expect(toolstack.setScheduling(id, change), JSON.stringify(change)).rejects.toMatchObject({
          code: 'E_TOOLSTACK_INVAL',
        });
      }
      expect(await toolstack.scheduling(id)).toEqual(before);
      await toolstack.destroy(id);
      for (const late of [toolstack.scheduling(id), toolstack.setScheduling(id, { weight: 1 })]) {
        await expect(late).rejects.toMatchObject({ code: 'E_TOOLSTACK_DOMAIN_GONE' });
      }
    });

    it('S35: a saved domain has its weight and cap again when it is restored as it ran', async () => {
      const { id } = await start();
      await toolstack.setScheduling(id, { weight: 500, cap: 50 });
      const before = await toolstack.scheduling(id);
      const running = await toolstack.describe(id);
      const stream = await saveAway(id, { live: true });
      await toolstack.destroy(id);
      const pipe = makePipe('restore');
      const restored = toolstack.restore(running, pipe.readEnd, { signal: never, streamVersion: 2 });
      await writeAll(pipe.writeEnd, stream);
      expect(await toolstack.scheduling(await restored)).toEqual(before);
    });

    it('writes a core', async () => {
      const { id } = await start(rig.newDumped?.() ?? rig.newGuest());
      const dir = mkdtempSync(join(tmpdir(), 'xenferry-core-'));
      try {
        await toolstack.pause(id);
        await toolstack.dumpCore(id, join(dir, 'core'), never);
        expect(statSync(join(dir, 'core')).size).toBeGreaterThan(0);
        expect((await infoOf(id)).state).toBe('paused');
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });

    it('has buttons for HVM guests only', async () => {
      const { id, config } = await start();
      if (config.domain.type === 'hvm') return;
      await expect(toolstack.powerButton(id)).rejects.toMatchObject({ code: 'E_REFUSED_UNSUPPORTED' });
      await expect(toolstack.reset(id)).rejects.toMatchObject({ code: 'E_REFUSED_UNSUPPORTED' });
      expect((await infoOf(id)).state).toBe('running');
    });

    it('asks a guest to shut down, and tells when it has', async () => {
      const stop = new AbortController();
      const { id, config } = await start();
      const events = toolstack.events(stop.signal)[Symbol.asyncIterator]();
      const next = events.next();
      await toolstack.shutdown(id);
      const event = (await next) as IteratorYieldResult<ToolstackEvent>;
      expect(event.value).toMatchObject({ type: 'shutdown', domid: id, uuid: config.domain.uuid, reason: 'poweroff' });
      expect(await toolstack.info(id)).toMatchObject({ state: 'shutdown', shutdownReason: 'poweroff' });
      await toolstack.destroy(id);
      expect((await events.next()).value).toMatchObject({ type: 'death', domid: id });
      stop.abort();
      expect((await events.next()).done).toBe(true);
    });

    it.each([true, false])('saves a running domain and restores it elsewhere in the host (live: %s)', async (live) => {
      const { id, config } = await start();
      const events: TransferEvent[] = [];
      const stream = await saveAway(id, { live, onEvent: (event) => events.push(event) });
      expect(stream.subarray(0, 8).toString('latin1')).toBe('LibxlFmt');
      expect(await toolstack.info(id)).toMatchObject({ state: 'shutdown', shutdownReason: 'suspend' });
      if (live) expect(events.filter((event) => event.type === 'suspended')).toHaveLength(1);
      expect(events.some((event) => event.type === 'round' && event.round === 0)).toBe(true);
      await toolstack.destroy(id);

      const pipe = makePipe('restore');
      const restored = toolstack.restore(config, pipe.readEnd, { signal: never, streamVersion: 2 });
      await writeAll(pipe.writeEnd, stream);
      const copy = await restored;
      const { name, uuid } = config.domain;
      expect(await toolstack.info(copy)).toMatchObject({ name, uuid, state: 'paused' });
      await toolstack.unpause(copy);
      expect((await infoOf(copy)).state).toBe('running');
      expect((await toolstack.guestReport(copy))?.bad ?? 0).toBe(0);
    });

    it('2.3: lets a suspended domain run again, but no other', async () => {
      const { id } = await start();
      await expect(toolstack.resume(id)).rejects.toThrow();
      await saveAway(id, { live: true });
      await toolstack.resume(id);
      expect((await infoOf(id)).state).toBe('running');
      // It is whole: it can be saved again.
      await saveAway(id, { live: false });
      expect((await infoOf(id)).state).toBe('shutdown');
    });

    it('2.3: a save whose reader goes away fails, and the domain can run on', async () => {
      const { id } = await start();
      const pipe = makePipe('broken save');
      const saved = toolstack.save(id, pipe.writeEnd, { live: true, signal: never });
      pipe.readEnd.close();
      await expect(saved).rejects.toThrow();
      await resumeIfSuspended(id);
      expect((await infoOf(id)).state).toBe('running');
      await saveAway(id, { live: true });
    });

    it('F44: a save that is cancelled ends with the reason, and the domain can run on', async () => {
      const { id } = await start();
      const stop = new AbortController();
      const pipe = makePipe('cancelled save');
      const reason = new AbortedError('the operator changed his mind');
      const saved = toolstack.save(id, pipe.writeEnd, {
        live: true,
        signal: stop.signal,
        onEvent: () => stop.abort(reason), // nobody reads: it cannot end by itself
      });
      await expect(saved).rejects.toBe(reason);
      pipe.readEnd.close();
      await resumeIfSuspended(id);
      expect((await infoOf(id)).state).toBe('running');
    });

    it('a restore that is cut off, or is given something else, leaves nothing behind', async () => {
      const { id, config } = await start();
      const stream = await saveAway(id, { live: true });
      await toolstack.destroy(id);
      const before = (await toolstack.host()).freeMemoryKiB;
      for (const broken of [stream.subarray(0, stream.length / 2), Buffer.from('this is no save stream at all')]) {
        const pipe = makePipe('broken restore');
        const restored = toolstack.restore(config, pipe.readEnd, { signal: never, streamVersion: 2 });
        const writing = writeAll(pipe.writeEnd, broken).catch(() => undefined); // the reader may go before its end
        const error = await restored.then(() => undefined, asError);
        await writing;
        expect(error).toMatchObject({ code: expect.stringMatching(/^E_(?!BUG)/) as string });
        expect(await toolstack.list(), error?.message).toEqual([]);
      }
      const taken = async (): Promise<number> => before - (await toolstack.host()).freeMemoryKiB;
      await expect.poll(taken, { timeout: guestMs }).toBeLessThan(HOST_OWN_KIB);
    });

    it('a restore that is cancelled leaves nothing behind', async () => {
      const { id, config } = await start();
      const stream = await saveAway(id, { live: true });
      await toolstack.destroy(id);
      const stop = new AbortController();
      const reason = new AbortedError('not here');
      const pipe = makePipe('cancelled restore');
      const restored = toolstack.restore(config, pipe.readEnd, { signal: stop.signal, streamVersion: 2 });
      const writing = writeAll(pipe.writeEnd, stream.subarray(0, stream.length - 64), false).catch(() => undefined);
      stop.abort(reason);
      await expect(restored).rejects.toBe(reason);
      await writing;
      expect(await toolstack.list()).toEqual([]);
    });

    it('refuses a stream version that it cannot read', async () => {
      const pipe = makePipe('old stream');
      const restored = toolstack.restore(rig.newGuest(), pipe.readEnd, { signal: never, streamVersion: 1 });
      await expect(restored).rejects.toMatchObject({ code: 'E_REFUSED_STREAM_VERSION' });
      expect(pipe.readEnd.isOpen).toBe(false);
      pipe.writeEnd.close();
    });

    it('keeps no descriptor of a save or restore, however it ended', async () => {
      const { id, config } = await start();
      const stream = await saveAway(id, { live: true });
      await toolstack.resume(id);
      const before = openFds();
      const aborted = AbortSignal.abort(new AbortedError('too late'));
      for (const signal of [never, aborted]) {
        const pipe = makePipe('save');
        const saved = toolstack.save(id, pipe.writeEnd, { live: true, signal }).catch(() => undefined);
        pipe.readEnd.close();
        await saved;
        expect(pipe.writeEnd.isOpen).toBe(false);
      }
      await resumeIfSuspended(id);
      for (const signal of [never, aborted]) {
        const pipe = makePipe('restore');
        const restored = toolstack.restore(config, pipe.readEnd, { signal, streamVersion: 2 });
        await Promise.allSettled([restored, writeAll(pipe.writeEnd, stream.subarray(0, 100))]);
        expect(pipe.readEnd.isOpen).toBe(false);
      }
      await until(() => openFds() <= before);
    });

    async function resumeIfSuspended(id: Domid): Promise<void> {
      const info = await infoOf(id);
      if (info.shutdownReason === 'suspend') await toolstack.resume(id);
    }
  });
}

/** Writes to a descriptor, and closes it; or leaves the reader waiting for more. */
async function writeAll(fd: OwnedFd, bytes: Uint8Array, close = true): Promise<void> {
  using writer = new FdWriter(fd);
  const signal = AbortSignal.timeout(WRITE_MS);
  await writer.write(bytes, signal);
  if (close) await writer.end(signal);
}

function openFds(): number {
  return readdirSync('/proc/self/fd').length;
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + WRITE_MS;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it never came');
    await sleep(5);
  }
}
