import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bakeCookie } from '../../../../src/cookie/cookie.js';
import type { Prepare, Reply } from '../../../../src/control/messages.js';
import { Arrivals } from '../../../../src/dest/arrivals.js';
import { toDomain } from '../../../../src/domain/definition/write.js';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { fromLibxlConfig } from '../../../../src/domain/libxl-json/from-libxl.js';
import type { Domain } from '../../../../src/domain/model.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { Hooks } from '../../../../src/host/hooks/hooks.js';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { define } from '../../../../src/operations/definition/define.js';
import { setAutostart } from '../../../../src/operations/lifecycle/autostart.js';
import { arrivalsOf } from '../../../../src/operations/running/incoming.js';
import { AbortedError } from '../../../../src/errors/errors.js';
import { JOURNAL_VERSION } from '../../../../src/journal/records.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never } from '../../../support/local-host.js';
import { LIVE_CONFIGS } from '../../domain/libxl-json/live-configs.js';

const PVH = 'a PVH guest of 4.20 with vNUMA, channels and paravirtual USB';
const native = structuredClone(LIVE_CONFIGS[PVH]);
// Nothing of the host's goes with it.
for (const list of ['usbdevs', 'usbctrls']) Reflect.deleteProperty(native, list);
Object.assign(native.b_info as object, { max_memkb: 65536, target_memkb: 65536, shadow_memkb: 4096 });
Reflect.deleteProperty(native.b_info as object, 'vnuma_nodes');

let local: LocalHost;
let arrivals: Arrivals<never>;
let hooksDir: string;
const log: string[] = [];

beforeEach(async () => {
  log.length = 0;
  const hooks = { environment: { PATH: process.env.PATH ?? '' }, timeMs: 60_000, log: () => undefined };
  const late = { dir: '/nonexistent', ...hooks };
  local = await LocalHost.make({ participants: [new Hooks(late)] });
  hooksDir = local.path('hooks');
  mkdirSync(hooksDir);
  late.dir = hooksDir;
  arrivals = new Arrivals<never>({
    ...arrivalsOf(local.host),
    makeLanes: () => {
      const lanes = new PassThrough().on('error', () => undefined);
      return {
        opened: Promise.resolve(),
        chunks: lanes,
        attach: () => undefined,
        destroy: (error) => void lanes.destroy(error),
      };
    },
    onEvent: () => undefined,
    log: (line) => log.push(line),
  });
});
afterEach(async () => {
  await arrivals.close(new AbortedError('over'));
  await arrivals.settled();
  await local[Symbol.asyncDispose]();
});

function prepare(domain: Domain, more: Partial<Prepare> = {}): Prepare {
  const cookie = bakeCookie({ name: domain.name, uuid: domain.uuid, hostname: 'hv1', streamVersion: 2 });
  return {
    type: 'prepare',
    migration: randomUUID(),
    epoch: 1,
    xml: formatDomainXml(domain),
    cookie: Buffer.from(cookie).toString('base64'),
    lanes: 1,
    windowBytes: 1024 * 1024,
    ...more,
  };
}
const ask = (request: Prepare, peer = 'hv1'): Promise<Reply> =>
  arrivals.answer(request, { peer, hostname: peer, reconnectMs: 600_000, notify: () => undefined });
const codes = (reply: Reply): string[] =>
  reply.type === 'refused' ? reply.problems.map(({ code }) => code) : [reply.type];
const script = (body: string): void => writeFileSync(`${hooksDir}/libxl`, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
const withDisk = (path: string, name = 'web1', uuid: string = randomUUID()): Domain =>
  parseDomainXml(
    guestXml({ name, uuid, mib: 16 }).replace(
      '</os>',
      `</os><devices><disk type='file'><source file='${path}'/><target dev='xvda' bus='xen'/></disk></devices>`,
    ),
  );

describe('a guest that a peer sends', () => {
  const sent = (): Prepare => {
    const text = JSON.stringify(native);
    return prepare(toDomain(fromLibxlConfig(native).definition), { native: { format: 'libxl-json', text } });
  };

  it('comes with the configuration of its toolstack, where no hook has a say', async () => {
    const reply = await ask(sent());
    expect(codes(reply)).toEqual(['prepared']);
    expect(log.join()).not.toContain('migrate hook');
  });

  it('is passed to hooks as the configuration that runs, and only that runs', async () => {
    const [seen, calls] = [local.path('seen.xml'), local.path('calls')];
    script(`echo "$2" >> ${calls}; if [ "$2" = migrate ]; then cat > ${seen}; else cat > /dev/null; fi`);
    // The same guest in another order and with other words: what the hook sees is made of the configuration.
    const request = sent();
    const cpuless = request.xml.replace('<pvh/>', '');
    expect(codes(await ask({ ...request, xml: cpuless }))).toEqual(['prepared']);
    expect(readFileSync(seen, 'utf8')).toContain('/srv/images/pvh1.img');
    expect(log.join()).toContain("it runs as the host's migrate hook has it");
  });

  it('is refused before a hook sees it where its XML is of another guest than its configuration', async () => {
    const calls = local.path('calls');
    script(`echo "$2" >> ${calls}; cat > /dev/null`);
    const request = sent();
    const other = { ...request, xml: request.xml.replace('/srv/images/pvh1.img', '/srv/w1') };
    expect(codes(await ask(other))).toEqual(['E_REFUSED_NATIVE_DIFFERS']);
    expect(existsSync(calls)).toBe(false);
  });

  it('promises the memory that it would have', async () => {
    const request = sent();
    const text = JSON.stringify({ ...native, b_info: { ...(native.b_info as object), max_memkb: 512 * 1024 * 1024 } });
    expect(codes(await ask({ ...request, native: { format: 'libxl-json', text } }))).toEqual([
      'E_REFUSED_NATIVE_DIFFERS',
    ]);
    const large = parseDomainXml(guestXml({ name: 'big', uuid: randomUUID(), mib: 512 * 1024 }));
    expect(codes(await ask(prepare(large)))).toEqual(['E_REFUSED_NO_MEMORY']);
  });

  it('gets nothing of this host outside of guest_paths, with or without unsafe; a user may', async () => {
    const bad = withDisk('/etc/shadow');
    for (const unsafe of [false, true]) {
      expect(codes(await ask(prepare(bad, { unsafe })))).toEqual(['E_REFUSED_GUEST_PATH']);
    }
    expect(local.host.journal.list()).toEqual([]);
    const run = { paused: true, validate: false, signal: never };
    expect((await createDomain(local.host, formatDomainXml(bad), run)).info.name).toBe('web1');
  });

  it('brings no definition that could not come itself', async () => {
    const uuid = randomUUID();
    const persist = { xml: formatDomainXml(withDisk('/etc/shadow', 'web1', uuid)) };
    expect(codes(await ask(prepare(withDisk('/srv/web1.img', 'web1', uuid), { persist })))).toEqual([
      'E_REFUSED_GUEST_PATH',
    ]);
  });
});

describe('a definition that a peer sends', () => {
  const uuid = randomUUID();
  const mine = formatDomainXml(withDisk('/srv/web1.img', 'web1', uuid));
  const theirs = formatDomainXml(withDisk('/srv/other.img', 'web1', uuid));
  const offer = (xml: string, epoch = 1): Prepare => prepare(parseDomainXml(xml), { persist: { xml }, epoch });
  const keep = (): ReturnType<typeof define> => define(local.host, mine, { validate: false, signal: never });
  const note = (side: 'source' | 'dest', identity: string): void => {
    const file = local.host.journal.begin({
      journal: JOURNAL_VERSION,
      side,
      migration: randomUUID(),
      epoch: 1,
      uuid,
      name: 'web1',
      peer: 'there',
      identity,
      startedAt: new Date().toISOString(),
    });
    file.append({ state: side === 'source' ? 'released' : 'activated', at: new Date().toISOString() });
    file[Symbol.dispose]();
  };

  it('takes the place of none that this peer has not held', async () => {
    await keep();
    expect(codes(await ask(offer(theirs)))).toEqual(['E_REFUSED_DEFINITION']);
    note('source', 'hv2');
    expect(codes(await ask(offer(theirs, 2)))).toEqual(['E_REFUSED_DEFINITION']);
    expect(codes(await ask(offer(theirs, 2), 'hv2'))).toEqual(['prepared']);
  });

  it('does where the guest has come from that peer before, and where it changes nothing', async () => {
    await keep();
    const kept = local.host.definitions.get(uuid);
    const same = formatDomainXml(kept?.domain ?? parseDomainXml(mine));
    const unchanged = prepare(parseDomainXml(mine), { persist: { xml: same } });
    expect(codes(await ask(unchanged))).toEqual(['prepared']);
  });

  it('does where the configuration lets peers replace definitions', async () => {
    await keep();
    note('dest', 'hv9');
    expect(codes(await ask(offer(theirs, 2)))).toEqual(['E_REFUSED_DEFINITION']);
    local.host.peers.replace({ peersMay: ['replace-definition'] });
    expect(codes(await ask(offer(theirs, 2)))).toEqual(['prepared']);
  });

  it('never starts with this host in the place of one that did', async () => {
    await keep();
    await setAutostart(local.host, 'web1', true, never);
    const { definitions } = local.host;
    const kept = definitions.get(uuid);
    definitions.stage(kept?.domain ?? parseDomainXml(mine));
    expect(definitions.keepStaged(uuid)).toEqual({ change: 'updated', endsAutostart: false });
    expect(definitions.get(uuid)?.autostart).toBe(true);
    definitions.stage(parseDomainXml(theirs));
    expect(definitions.keepStaged(uuid)).toEqual({ change: 'updated', endsAutostart: true });
    expect(definitions.get(uuid)?.autostart).toBe(false);
  });
});
