import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OwnedFd, makePipe } from '../../../src/posix/owned-fd.js';
import { FdWriter, readFd } from '../../../src/posix/fd-stream.js';
import { LibxcRecord, LibxlRecord, PAGE_BYTES } from '../../../src/savestream/layout.js';
import { encodeRecord } from '../../../src/savestream/encode.js';
import { SaveStreamParser } from '../../../src/savestream/parser.js';
import type { Domain } from '../../../src/domain/model.js';
import type { Domid } from '../../../src/toolstack/domid.js';
import type { Toolstack, TransferEvent } from '../../../src/toolstack/toolstack.js';
import { FIXTURES, fixtureStream } from '../../support/fixtures.js';
import { assertNeverTwice } from '../../support/oracle.js';
import { xenVerify, xenVerifyAvailable } from '../../support/xen-verify.js';
import { guest, never, Rig } from './rig.js';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => {
  assertNeverTwice([rig.dirA, rig.dirB]);
  rig[Symbol.dispose]();
});

async function saveToFile(host: Toolstack, id: Domid, live: boolean, name = 'stream'): Promise<string> {
  const path = rig.temp.file(name);
  await host.save(id, new OwnedFd(openSync(path, 'w'), path), { live, signal: never });
  return path;
}

async function restoreFromFile(host: Toolstack, domain: Domain, path: string): Promise<Domid> {
  return host.restore({ domain }, new OwnedFd(openSync(path, 'r'), path), { signal: never, streamVersion: 2 });
}

async function restoreBytes(host: Toolstack, domain: Domain, bytes: Uint8Array): Promise<Domid> {
  writeFileSync(rig.temp.file('given'), bytes);
  return restoreFromFile(host, domain, rig.temp.file('given'));
}

interface Seen {
  readonly records: { readonly name: string; readonly digest: string }[];
  readonly pages: number;
  readonly resent: number;
}

/** The records of a stream beside its pages, with their contents, in order. */
function look(stream: Uint8Array): Seen {
  const records: { name: string; digest: string }[] = [];
  let hash = createHash('sha256');
  const frames = new Set<number>();
  let [pages, resent] = [0, 0];
  const parser = new SaveStreamParser({
    body: (_record, bytes) => void hash.update(bytes),
    page: (pfn) => {
      pages += 1;
      if (frames.has(pfn)) resent += 1;
      frames.add(pfn);
    },
    recordEnd: ({ layer, type, name }) => {
      if (!(layer === 'libxc' && type === LibxcRecord.PAGE_DATA)) records.push({ name, digest: hash.digest('hex') });
      hash = createHash('sha256');
    },
  });
  parser.push(stream);
  parser.end();
  return { records, pages, resent };
}

describe("an embedded guest's save stream", () => {
  for (const type of ['pv', 'pvh', 'hvm'] as const) {
    it(`of a ${type} guest is one that Xen's specification asks for`, async () => {
      const id = await rig.a.create({ domain: guest({ type, workload: "dirtyMiBPerSecond='20' hotPercent='20'" }) });
      await rig.a.unpause(id);
      const stream = readFileSync(await saveToFile(rig.a, id, true));
      const { records, pages } = look(stream);
      expect(pages).toBeGreaterThanOrEqual((8 * 1024 * 1024) / PAGE_BYTES - 32);
      const names = records.map(({ name }) => name);
      expect(names).toContain('STATIC_DATA_END');
      expect(names).toContain(type === 'pv' ? 'X86_PV_P2M_FRAMES' : 'HVM_CONTEXT');
      expect(names.includes('EMULATOR_CONTEXT')).toBe(type === 'hvm');
    });

    it.skipIf(!xenVerifyAvailable)(`of a ${type} guest passes Xen's own checker, live and not`, async () => {
      const id = await rig.a.create({ domain: guest({ type, workload: "dirtyMiBPerSecond='20' hotPercent='20'" }) });
      await rig.a.unpause(id);
      for (const live of [true, false]) {
        const { ok, output } = xenVerify(await saveToFile(rig.a, id, live));
        expect(ok, output).toBe(true);
        await rig.a.resume(id);
      }
    });

    it(`moves a running ${type} guest: every page right, its heartbeat goes on`, async () => {
      const domain = guest({ type, mib: 16, workload: "dirtyMiBPerSecond='40' hotPercent='10'" });
      const id = await rig.a.create({ domain });
      await rig.a.unpause(id);
      for (const live of [true, false]) {
        const arrived = await rig.move(id, domain, { live });
        const [there, here] = [await rig.b.guestReport(arrived), await rig.a.guestReport(id)];
        expect(there).toEqual(here);
        expect(there).toMatchObject({ bad: 0 });
        expect(there?.ticks).toBeGreaterThan(0);
        await rig.b.destroy(arrived);
        await rig.a.resume(id);
      }
    });
  }

  it('has rounds as libxc makes them while the guest writes, and one while it is idle', async () => {
    const rounds = async (workload: string): Promise<{ seen: Seen; last: number; events: TransferEvent[] }> => {
      const id = await rig.a.create({ domain: guest({ name: 'rounds', mib: 16, workload }) });
      await rig.a.unpause(id);
      const events: TransferEvent[] = [];
      const path = rig.temp.file('rounds');
      await rig.a.save(id, new OwnedFd(openSync(path, 'w'), path), {
        live: true,
        signal: never,
        onEvent: (event) => events.push(event),
      });
      await rig.a.destroy(id);
      const last = Math.max(...events.map((event) => (event.type === 'round' ? event.round : 0)));
      return { seen: look(readFileSync(path)), last, events };
    };
    const { seen, last, events } = await rounds("dirtyMiBPerSecond='400' hotPercent='30' tickMs='1'");
    expect(last).toBe(5);
    expect(seen.resent).toBeGreaterThan(100);
    expect(events.filter((event) => event.type === 'suspended')).toHaveLength(1);
    const rank = (event: TransferEvent): number =>
      event.type === 'round' ? event.round : event.type === 'suspended' ? 4.5 : 0;
    expect(events.map(rank)).toEqual(events.map(rank).sort((a, b) => a - b));
    for (const event of events) {
      if (event.type === 'round') expect(event.pagesSent).toBeLessThanOrEqual(event.pagesTotal);
    }
    const idle = await rounds("dirtyMiBPerSecond='0' tickMs='1000'");
    expect(idle.last).toBe(2);
    expect(idle.seen.resent).toBeLessThan(10);
  });
});

describe('a foreign stream', () => {
  for (const fixture of FIXTURES) {
    const type = fixture.includes('hvm') ? 'hvm' : 'pvh';

    it(`${fixture}: comes in, goes on, and is the same guest and platform`, async () => {
      const original = fixtureStream(fixture);
      const domain = guest({ type, mib: 256 });
      const id = await restoreBytes(rig.a, domain, original);
      const report = await rig.a.guestReport(id);
      expect(report).toMatchObject({ ticks: 0, checked: 0, bad: 0 });
      expect(report?.memoryDigest).toMatch(/^[0-9a-f]{64}$/);
      await rig.a.unpause(id);
      const path = await saveToFile(rig.a, id, true);
      if (xenVerifyAvailable) expect(xenVerify(path)).toMatchObject({ ok: true });
      expect(look(readFileSync(path)).records).toEqual(look(original).records);

      const arrived = await restoreFromFile(rig.b, domain, path);
      expect(await rig.b.guestReport(arrived)).toEqual(report);
    });
  }

  it('whose page was changed has another digest', async () => {
    const stream = fixtureStream('xen-4.17-pvh-live');
    const digests = new Set<string | undefined>();
    for (const change of [0, 1]) {
      stream[stream.length - 2_000_000] ^= change;
      const id = await restoreBytes(rig.a, guest({ mib: 256 }), stream);
      digests.add((await rig.a.guestReport(id))?.memoryDigest);
      await rig.a.destroy(id);
    }
    expect(digests.size).toBe(2);
  });
});

describe('a stream that is not whole', () => {
  async function stream(): Promise<{ bytes: Buffer; domain: Domain }> {
    const domain = guest();
    const id = await rig.a.create({ domain });
    const bytes = readFileSync(await saveToFile(rig.a, id, false));
    return { bytes, domain };
  }

  it('is refused, and nothing is left', async () => {
    const { bytes, domain } = await stream();
    for (const [given, code] of [
      [bytes.subarray(0, bytes.length - 8), 'E_STREAM_TRUNCATED'],
      [bytes.subarray(0, 0), 'E_STREAM_TRUNCATED'],
      [Buffer.concat([bytes, Buffer.from('more')]), 'E_STREAM_TRAILING'],
      [Buffer.concat([Buffer.from('X'), bytes.subarray(1)]), 'E_STREAM_IDENT'],
    ] as const) {
      await expect(restoreBytes(rig.b, domain, given)).rejects.toMatchObject({ code });
      expect(await rig.b.list()).toEqual([]);
    }
  });

  it('F30: bytes behind its END record are an error also where they come late', async () => {
    const { bytes, domain } = await stream();
    const pipe = makePipe('trailing');
    const restored = rig.b.restore({ domain }, pipe.readEnd, { signal: never, streamVersion: 2 });
    using writer = new FdWriter(pipe.writeEnd);
    await writer.write(bytes, never);
    await writer.write(Buffer.from('straggler'), never);
    await expect(restored).rejects.toMatchObject({ code: 'E_STREAM_TRAILING' });
  });

  it('may be followed by silence: a writer that keeps its end open is not waited for', async () => {
    const { bytes, domain } = await stream();
    const pipe = makePipe('left open');
    const restored = rig.b.restore({ domain }, pipe.readEnd, { signal: never, streamVersion: 2 });
    using writer = new FdWriter(pipe.writeEnd);
    await writer.write(bytes, never);
    expect((await rig.b.info(await restored))?.state).toBe('paused');
  });

  it('is refused where it is of another type of guest, or has more memory than the domain may', async () => {
    const { bytes } = await stream();
    await expect(restoreBytes(rig.b, guest({ type: 'pv' }), bytes)).rejects.toMatchObject({
      code: 'E_TOOLSTACK_GUEST_TYPE',
    });
    const domain = guest({ name: 'large', mib: 64 });
    const id = await rig.a.create({ domain });
    const large = readFileSync(await saveToFile(rig.a, id, false));
    await expect(restoreBytes(rig.b, guest({ mib: 8 }), large)).rejects.toMatchObject({
      code: 'E_TOOLSTACK_NO_MEMORY',
    });
    expect(await rig.b.list()).toEqual([]);
  });

  it('is refused where it names a frame that no guest has, or asks for more than a restore understands', async () => {
    const { bytes, domain } = await stream();
    const at = bytes.indexOf(encodeRecord(LibxcRecord.STATIC_DATA_END)) + 8;
    const withRecord = (record: Uint8Array): Buffer =>
      Buffer.concat([bytes.subarray(0, at), record, bytes.subarray(at)]);
    const far = Buffer.alloc(16);
    far.writeUInt32LE(1, 0);
    far.writeBigUInt64LE((0xfn << 60n) | (1n << 51n), 8);
    await expect(
      restoreBytes(rig.b, domain, withRecord(encodeRecord(LibxcRecord.PAGE_DATA, far))),
    ).rejects.toMatchObject({
      code: 'E_TOOLSTACK_FRAME',
    });
    await expect(restoreBytes(rig.b, domain, withRecord(encodeRecord(LibxcRecord.VERIFY)))).rejects.toMatchObject({
      code: 'E_TOOLSTACK_STREAM_FEATURE',
    });
    expect(await rig.b.list()).toEqual([]);
  });

  it('keeps records of the emulator and optional ones, byte for byte', async () => {
    const { bytes, domain } = await stream();
    const end = bytes.length - encodeRecord(LibxlRecord.END).length;
    const extra = encodeRecord(
      LibxlRecord.EMULATOR_CONTEXT,
      Buffer.concat([Buffer.of(2, 0, 0, 0, 0, 0, 0, 0), Buffer.alloc(100_001, 7)]),
    );
    const odd = encodeRecord(0x8000_0123, Buffer.from('whatever'));
    const given = Buffer.concat([bytes.subarray(0, end), extra, odd, bytes.subarray(end)]);
    const id = await restoreBytes(rig.b, domain, given);
    const again = readFileSync(await saveToFile(rig.b, id, false));
    expect(again.equals(given)).toBe(true);
  });
});

describe('the descriptor of a save', () => {
  it('may be a file, and is left complete and closed', async () => {
    const id = await rig.a.create({ domain: guest() });
    const path = rig.temp.file('image');
    const fd = openSync(path, 'w');
    const owned = new OwnedFd(fd, path);
    await rig.a.save(id, owned, { live: false, signal: never });
    expect(owned.isOpen).toBe(false);
    expect(() => {
      closeSync(fd);
    }).toThrow('EBADF');
    look(readFileSync(path));
  });

  it('F20: sees the same stream however slowly it is read', async () => {
    const id = await rig.a.create({ domain: guest({ workload: "dirtyMiBPerSecond='0'" }) });
    const fast = readFileSync(await saveToFile(rig.a, id, false));
    await rig.a.resume(id);
    const pipe = makePipe('slow reader');
    const saved = rig.a.save(id, pipe.writeEnd, { live: false, signal: never });
    const chunks: Uint8Array[] = [];
    for await (const chunk of readFd(pipe.readEnd, never)) {
      chunks.push(chunk);
      await new Promise(setImmediate);
    }
    await saved;
    expect(Buffer.concat(chunks).equals(fast)).toBe(true);
  });
});
