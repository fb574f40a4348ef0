import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CODES } from '../../../src/errors/codes.js';
import { RefusedError, ToolstackError, UsageError } from '../../../src/errors/errors.js';
import { uuidOf } from '../../../src/libvirt/calls/call.js';
import { wireError } from '../../../src/libvirt/calls/error-numbers.js';
import { LibvirtServer } from '../../../src/libvirt/server/libvirt-server.js';
import { ClientSession } from '../../../src/libvirt/server/session.js';
import { PROGRAM, TYPE } from '../../../src/libvirt/wire/message.js';
import { EVENTS, PROCEDURES, type ProcedureName } from '../../../src/libvirt/wire/procedures.js';
import type { WireDomain } from '../../../src/libvirt/wire/types.js';
import { decodeXdr } from '../../../src/libvirt/wire/xdr.js';
import { codeOf } from '../../../src/errors/message-of.js';
import { guestXml } from '../../support/hosts.js';
import { LibvirtClient, SentError } from '../../support/libvirt-client.js';
import { LocalHost } from '../../support/local-host.js';

let local: LocalHost;
let server: LibvirtServer;
let path: string;
const log: string[] = [];

beforeEach(async () => {
  log.length = 0;
  local = await LocalHost.make();
  path = join(local.dir, 'virt');
  server = await LibvirtServer.open(
    local.host,
    [
      { path, role: 'admin', mode: 0o600 },
      { path: `${path}-ro`, role: 'reader', mode: 0o666 },
    ],
    (line) => log.push(line),
  );
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await local[Symbol.asyncDispose]();
});

async function numberOf(work: Promise<unknown>): Promise<number | string> {
  try {
    await work;
  } catch (error) {
    return error instanceof SentError ? error.code : String(error);
  }
  return 0;
}

const nobody: WireDomain = { name: 'nobody', uuid: Buffer.alloc(16, 7), id: -1 };

describe("a client of libvirt's protocol", () => {
  it('defines, starts, looks at, stops and forgets a domain', async () => {
    using client = await LibvirtClient.open(path);
    const { dom } = await client.call('domainDefineXml', { xml: guestXml() });
    expect(await client.call('domainGetState', { dom, flags: 0 })).toEqual({ state: 5, reason: 0 });
    const { dom: started } = await client.call('domainCreateWithFlags', { dom, flags: 1 });
    expect(started).toEqual({ ...dom, id: 1 });
    expect(await client.call('domainGetState', { dom, flags: 0 })).toEqual({ state: 3, reason: 11 });
    await client.call('domainResume', { dom });
    const info = await client.call('domainGetInfo', { dom });
    expect(info).toMatchObject({ state: 1, maxMem: 32_768n, memory: 32_768n, vcpus: 1 });
    const all = await client.call('listAllDomains', { needResults: 1, flags: 0 });
    expect(all).toEqual({ items: [started], ret: 1 });
    expect((await client.call('listAllDomains', { needResults: 1, flags: 2 })).items).toEqual([]);
    expect(await client.call('lookupByName', { name: 'guest' })).toEqual({ dom: started });
    expect(await client.call('lookupById', { id: 1 })).toEqual({ dom: started });
    expect((await client.call('domainGetXmlDesc', { dom, flags: 0 })).xml).toContain('<name>guest</name>');
    expect(await client.call('domainGetOsType', { dom })).toEqual({ type: 'xenpvh' });
    expect(await client.call('domainGetAutostart', { dom })).toEqual({ autostart: 0 });
    await client.call('domainSetAutostart', { dom, autostart: 1 });
    expect(await client.call('domainGetAutostart', { dom })).toEqual({ autostart: 1 });
    await client.call('domainManagedSave', { dom, flags: 0 });
    expect(await client.call('domainHasManagedSave', { dom, flags: 0 })).toEqual({ result: 1 });
    await client.call('domainCreate', { dom });
    await client.call('domainDestroy', { dom });
    expect(await client.call('domainGetState', { dom, flags: 0 })).toEqual({ state: 5, reason: 2 });
    await client.call('domainUndefineFlags', { dom, flags: 1 });
    expect(await numberOf(client.call('domainGetInfo', { dom }))).toBe(42);
  });

  it('tunes it, in the definition and as it runs', async () => {
    using client = await LibvirtClient.open(path);
    const { dom } = await client.call('domainCreateXml', {
      xml: guestXml().replace('<vcpu>1<', "<vcpu current='1'>3<"),
      flags: 0,
    });
    await client.call('domainSetMemoryFlags', { dom, memory: 20_480n, flags: 1 });
    expect(await client.call('domainGetMaxMemory', { dom })).toEqual({ memory: 32_768n });
    await client.call('domainSetVcpusFlags', { dom, vcpus: 2, flags: 1 });
    expect(await client.call('domainGetVcpusFlags', { dom, flags: 1 })).toEqual({ num: 2 });
    expect(await client.call('domainGetVcpusFlags', { dom, flags: 5 })).toEqual({ num: 3 });
    await client.call('domainPinVcpu', { dom, vcpu: 0, map: Buffer.from([1]) });
    const pins = await client.call('domainGetVcpuPinInfo', { dom, maps: 3, mapLength: 1, flags: 1 });
    expect([pins.num, pins.maps[0]]).toEqual([3, 1]);
    const { info } = await client.call('domainGetVcpus', { dom, maxInfo: 3, mapLength: 1 });
    expect(info.map(({ number }) => number)).toEqual([0, 1, 2]);
    await client.call('domainSetSchedulerParameters', { dom, params: [{ field: 'weight', kind: 'uint', value: 512 }] });
    const { params } = await client.call('domainGetSchedulerParameters', { dom, nparams: 2 });
    expect(params).toContainEqual({ field: 'weight', kind: 'uint', value: 512 });
    const { records } = await client.call('getAllDomainStats', { doms: [], stats: 0, flags: 0 });
    expect(records[0].params).toContainEqual({ field: 'state.state', kind: 'int', value: 1 });
    expect(records[0].params).toContainEqual({ field: 'vcpu.maximum', kind: 'uint', value: 3 });
  });

  it('hears of what happens, by the callbacks that it asked for', async () => {
    using client = await LibvirtClient.open(path);
    const { callbackId } = await client.call('domainEventCallbackRegisterAny', { eventId: 0, of: undefined });
    const other = await client.call('domainEventCallbackRegisterAny', { eventId: 0, of: nobody });
    expect(other.callbackId).not.toBe(callbackId);
    const { dom } = await client.call('domainCreateXml', { xml: guestXml(), flags: 0 });
    const { number, body } = EVENTS.callbackLifecycle;
    const message = await client.other(({ procedure, type }) => type === TYPE.event && procedure === number);
    expect(decodeXdr(body, message.payload)).toEqual({ callbackId, msg: { dom, event: 2, detail: 0 } });
    await client.call('domainEventCallbackDeregisterAny', { callbackId });
    expect(await numberOf(client.call('domainEventCallbackDeregisterAny', { callbackId }))).toBe(8);
    expect(await numberOf(client.call('domainEventCallbackRegisterAny', { eventId: 27, of: undefined }))).toBe(8);
  });

  it('answers keepalive messages, also while calls are under way', async () => {
    using client = await LibvirtClient.open(path);
    const pong = client.other(({ program, procedure }) => program === PROGRAM.keepalive && procedure === 2);
    client.socket.write(
      Buffer.from('0000001c' + '6b656570' + '00000001' + '00000001' + '00000002' + '00'.repeat(8), 'hex'),
    );
    expect((await pong).payload.length).toBe(0);
  });

  it('is told what libvirt tells: by number, with the remedy in the text', async () => {
    using client = await LibvirtClient.open(path);
    const { dom } = await client.call('domainDefineXml', { xml: guestXml() });
    expect(await numberOf(client.call('lookupByName', { name: 'nobody' }))).toBe(42);
    expect(await numberOf(client.call('domainDestroy', { dom }))).toBe(55);
    expect(await numberOf(client.call('domainDefineXml', { xml: '<domain' }))).toBe(27);
    // E_USAGE_LIBVIRT_FLAGS, E_USAGE_LIBVIRT_ARGUMENT
    expect(await numberOf(client.call('domainCreateWithFlags', { dom, flags: 0x100 }))).toBe(8);
    expect(await numberOf(client.call('domainSetMemory', { dom, memory: 2n ** 60n }))).toBe(8);
    // E_REFUSED_LIBVIRT_CALL: in the table, and not done here
    expect(await numberOf(client.call('getSysinfo', { flags: 0 }))).toBe(3);
    expect(await numberOf(client.call('migrateBegin', { dom, params: [], flags: 0 }))).not.toBe(0);
    await expect(client.call('domainDestroy', { dom })).rejects.toThrow(/not running.*xenferry start/);
  });

  it('E_PROTOCOL_LIBVIRT_CALL: asks what nobody knows, and tries an older call then', async () => {
    using client = await LibvirtClient.open(path);
    const unknown = await client.raw(9999, Buffer.alloc(0));
    expect([unknown.status, unknown.payload.readInt32BE(0), unknown.payload.readInt32BE(4)]).toEqual([1, 39, 7]);
    const program = await client.raw(1, Buffer.alloc(0), PROGRAM.qemu);
    expect([program.status, program.payload.readInt32BE(0)]).toEqual([1, 39]);
    const short = await client.raw(PROCEDURES.domainCreate.number, Buffer.alloc(3));
    expect(short.payload.readInt32BE(0)).toBe(39);
  });

  it('E_REFUSED_LIBVIRT_URI: opens this host, once, and nothing before that', async () => {
    using client = await LibvirtClient.connect(path);
    expect(await numberOf(client.call('listAllDomains', { needResults: 1, flags: 0 }))).toBe(55);
    expect(await numberOf(client.call('connectOpen', { name: 'qemu:///system', flags: 0 }))).toBe(5);
    expect(await client.call('authList', undefined)).toEqual({ types: [0] });
    expect(await client.call('supportsFeature', { feature: 13 })).toEqual({ supported: 1 });
    expect(await client.call('supportsFeature', { feature: 8 })).toEqual({ supported: 0 });
    await client.call('connectOpen', { name: undefined, flags: 0 });
    expect(await numberOf(client.call('connectOpen', { name: undefined, flags: 0 }))).toBe(55);
    await client.call('connectClose', undefined);
    await once(client.socket, 'close');
  });
});

describe('the socket for those that only look', () => {
  it('E_REFUSED_LIBVIRT_READ_ONLY: denies every call that changes something, and passwords', async () => {
    using admin = await LibvirtClient.open(path);
    const { dom } = await admin.call('domainCreateXml', { xml: guestXml(), flags: 0 });
    using asked = await LibvirtClient.open(path, 1);
    using client = await LibvirtClient.open(`${path}-ro`);
    for (const reader of [client, asked]) {
      expect((await reader.call('listAllDomains', { needResults: 1, flags: 0 })).ret).toBe(1);
      expect(await numberOf(reader.call('domainDestroy', { dom }))).toBe(29);
      expect(await numberOf(reader.call('domainGetXmlDesc', { dom, flags: 1 }))).toBe(29);
      const native = { format: 'xen-xl', config: 'name = "x"', flags: 0 };
      expect(await numberOf(reader.call('domainXmlFromNative', native))).toBe(29);
      expect(
        await numberOf(reader.call('migratePrepareTunnel', { params: [], cookieIn: Buffer.alloc(0), flags: 0 })),
      ).toBe(29);
    }
    expect((await admin.call('domainGetState', { dom, flags: 0 })).state).toBe(1);
  });

  it('has the modes that it was given, and refuses a socket that another process answers at', async () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}-ro`).mode & 0o777).toBe(0o666);
    const again = LibvirtServer.open(local.host, [{ path, role: 'admin', mode: 0o600 }], () => undefined);
    await expect(again).rejects.toMatchObject({ code: 'E_REFUSED_LIBVIRT_SOCKET' });
    using client = await LibvirtClient.open(path);
    expect(await client.call('getType', undefined)).toEqual({ type: 'Xen' });
  });

  it('E_REFUSED_LIBVIRT_SOCKET: takes the place of no file', async () => {
    const file = join(local.dir, 'kept');
    writeFileSync(file, 'mine');
    const opening = LibvirtServer.open(local.host, [{ path: file, role: 'admin', mode: 0o600 }], () => undefined);
    await expect(opening).rejects.toMatchObject({ code: 'E_REFUSED_LIBVIRT_SOCKET' });
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('E_REFUSED_LIBVIRT_ACCESS: a host that may migrate does nothing else', async () => {
    const socketPair = join(local.dir, 'peer');
    const peers = await LibvirtServer.open(local.host, [], (line) => log.push(line));
    const listener = createServer((socket) => {
      peers.takeIn(socket, 'peer', 'hv2');
    }).listen(socketPair);
    await once(listener, 'listening');
    try {
      using admin = await LibvirtClient.open(path);
      const { dom } = await admin.call('domainCreateXml', { xml: guestXml(), flags: 0 });
      using peer = await LibvirtClient.open(socketPair);
      expect((await peer.call('domainGetState', { dom, flags: 0 })).state).toBe(1);
      for (const name of ['domainDestroy', 'domainShutdown', 'domainCreate', 'domainUndefine'] as const)
        expect(await numberOf(peer.call(name, { dom }))).toBe(88);
      expect(await numberOf(peer.call('listAllDomains', { needResults: 1, flags: 0 }))).toBe(88);
    } finally {
      listener.close();
      await peers[Symbol.asyncDispose]();
    }
  });
});

describe('errors on their way to a client', () => {
  it('have a number for every code that there is', () => {
    for (const code of Object.keys(CODES)) {
      const error = new RefusedError(code as 'E_REFUSED_BUSY', 'x');
      expect(wireError(error).code, code).toBeGreaterThan(0);
    }
    expect(wireError(new UsageError('E_USAGE_DOMAIN_XML', 'x')).code).toBe(27);
    expect(wireError(new ToolstackError('E_TOOLSTACK_INVAL', 'x')).code).toBe(9);
    expect(wireError(new Error('x')).code).toBe(1);
  });

  it('go printable', () => {
    const { message } = wireError(new RefusedError('E_REFUSED_BUSY', 'a\u001b[2J', { hint: 'b\u202e' }));
    expect(message).toBe('a\\u001b[2J: b\\u202e');
    expect(codeOf(new RefusedError('E_REFUSED_BUSY', 'a'))).toBe('E_REFUSED_BUSY');
  });
});

describe('a client that means no good', () => {
  it('asks with the longest text that there is, and gets a short answer', async () => {
    using client = await LibvirtClient.open(path);
    const asking = client.call('lookupByName', { name: 'x'.repeat(4_194_304) });
    const error: unknown = await asking.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SentError);
    expect(String(error).length).toBeLessThan(10_000);
    expect(await client.call('getType', undefined)).toEqual({ type: 'Xen' });
  });

  it('E_REFUSED_LIMIT: fills no memory with calls, and as a reader with no long message', async () => {
    using client = await LibvirtClient.open(path);
    const { dom } = await client.call('domainCreateXml', { xml: guestXml(), flags: 0 });
    const waiting: Promise<number | string>[] = [];
    {
      // While its job is taken, the domain's calls wait with all that they were given.
      using _job = await local.host.jobs.take(uuidOf(dom.uuid), 'guest', 'another', new AbortController().signal);
      const to = 'x'.repeat(4_000_000);
      for (let index = 0; index < 20; index += 1) waiting.push(numberOf(client.call('domainSave', { dom, to })));
      expect(await Promise.race(waiting)).toBe(55);
    }
    expect((await Promise.all(waiting)).length).toBe(20);
    using reader = await LibvirtClient.open(`${path}-ro`);
    // With an error or without: it is the server that ends it.
    const closed = new Promise((resolve) => reader.socket.once('close', resolve));
    reader.call('lookupByName', { name: 'x'.repeat(2_000_000) }).catch(() => undefined);
    await closed;
    expect(log.join('\n')).toMatch(/message of 20000\d\d bytes/);
  });

  it('connects and opens nothing, and is disconnected', async () => {
    const listener = createServer((socket) => {
      const failed = (reason: unknown): unknown => log.push(String(reason));
      new ClientSession(socket, { host: local.host, role: 'reader', failed, openMs: 50 });
    }).listen(join(local.dir, 'late'));
    await once(listener, 'listening');
    try {
      using client = await LibvirtClient.connect(join(local.dir, 'late'));
      await once(client.socket, 'close');
      expect(log.join('\n')).toContain('not opened within 0.05 s');
    } finally {
      listener.close();
    }
  });

  it('is let go for a message that is none, and the others go on', async () => {
    using good = await LibvirtClient.open(path);
    using bad = await LibvirtClient.connect(path);
    const closed = new Promise((resolve) => bad.socket.once('close', resolve));
    bad.socket.write('GET / HTTP/1.1\r\n\r\n');
    await closed;
    expect(log.join('\n')).toMatch(/message of 1195725856 bytes/);
    expect(await good.call('getUri', undefined)).toEqual({ uri: 'xen:///system' });
  });

  it('has so many calls under way and no more', async () => {
    using client = await LibvirtClient.open(path);
    const { dom } = await client.call('domainCreateXml', { xml: guestXml(), flags: 0 });
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => numberOf(client.call('domainSuspend', { dom }))),
    );
    expect(answers.filter((number) => number === 0).length).toBeGreaterThanOrEqual(64);
    expect(new Set(answers).size).toBeLessThanOrEqual(2);
  });

  it('sends noise to every procedure, and gets typed answers', async () => {
    using client = await LibvirtClient.open(path);
    for (const name of Object.keys(PROCEDURES) as ProcedureName[]) {
      if (name === 'connectClose') continue;
      const { number } = PROCEDURES[name];
      for (const payload of [Buffer.alloc(0), Buffer.alloc(4, 0xff), Buffer.alloc(64, 0xff)]) {
        const answer = await client.raw(number, payload);
        expect(answer.type).toBe(TYPE.reply);
      }
    }
  });
});
