import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { define, undefine } from '../../../../src/operations/definition/define.js';
import { dumpXml } from '../../../../src/operations/lifecycle/details.js';
import { destroyDomain } from '../../../../src/operations/lifecycle/power.js';
import { listDomains } from '../../../../src/operations/lifecycle/list.js';
import { suspendDomain, resumeDomain } from '../../../../src/operations/lifecycle/pause.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never, Recorder } from '../../../support/local-host.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001';
const web1 = (parts = ''): string => guestXml({ name: 'web1', uuid: UUID, mib: 8 }).replace('</os>', `</os>${parts}`);
const easy = { validate: false, signal: never };
const boot = { paused: false, ...easy };

let recorder: Recorder;
let local: LocalHost;
beforeEach(async () => {
  recorder = new Recorder();
  local = await LocalHost.make({ participants: [recorder] });
});
afterEach(async () => {
  await local[Symbol.asyncDispose]();
});

describe('a definition', () => {
  it('is kept, listed and forgotten, and each is told', async () => {
    const { host } = local;
    expect(await define(host, web1(), easy)).toMatchObject({ change: 'added' });
    expect((await listDomains(host, {})).domains).toEqual([]);
    expect((await listDomains(await local.open(), { all: true })).domains).toMatchObject([
      { id: null, name: 'web1', uuid: UUID, state: 'shut off', persistent: true, autostart: false },
    ]);
    expect(await define(host, web1('<title>Shop</title>'), easy)).toMatchObject({ change: 'updated' });
    expect((await listDomains(host, { all: true })).domains).toMatchObject([{ title: 'Shop' }]);
    await undefine(host, 'web1', { managedSave: false, signal: never });
    expect((await listDomains(host, { all: true })).domains).toEqual([]);
    expect(recorder.take()).toEqual(['defined/added web1', 'defined/updated web1', 'undefined/removed web1']);
  });

  it('S06: passes over what the schema does not know, with a warning, unless it is to be validated', async () => {
    const { host } = local;
    const odd = web1('<teapot/>');
    await expect(define(host, odd, { validate: true, signal: never })).rejects.toMatchObject({
      code: 'E_USAGE_DOMAIN_XML',
      message: expect.stringContaining('<teapot>') as string,
    });
    await expect(createDomain(host, odd, { ...boot, validate: true })).rejects.toMatchObject({
      code: 'E_USAGE_DOMAIN_XML',
    });
    const { warnings } = await define(host, odd, easy);
    expect(warnings).toEqual([expect.stringContaining('<teapot>')]);
    expect(await dumpXml(host, 'web1')).toContain('<teapot/>');
  });

  it('S06: what makes no sense is refused with or without validation', async () => {
    const { host } = local;
    for (const validate of [true, false]) {
      await expect(
        define(host, web1("<clock offset='timezone' timezone='Mars'/>"), { validate, signal: never }),
      ).rejects.toMatchObject({ code: 'E_USAGE_DOMAIN_UNSUPPORTED' });
      await expect(
        define(host, web1("<devices><disk type='teapot'><target dev='xvda'/></disk></devices>"), {
          validate,
          signal: never,
        }),
      ).rejects.toMatchObject({ code: 'E_USAGE_DOMAIN_XML' });
    }
    expect((await listDomains(host, { all: true })).domains).toEqual([]);
  });

  it('S46: has the format of its disks written down', async () => {
    const disk = "<devices><disk type='file'><source file='/d.img'/><target dev='xvda' bus='xen'/></disk></devices>";
    await define(local.host, web1(disk), easy);
    expect(await dumpXml(local.host, 'web1')).toMatch(/<driver [^>]*type="raw"|<driver [^>]*type='raw'/);
  });

  it.each(['we\nb', 'we/b', '', 'we\tb'])('S39: refuses the name %j', async (name) => {
    await expect(define(local.host, guestXml({ name, uuid: UUID }), easy)).rejects.toMatchObject({
      code: 'E_USAGE_DOMAIN_NAME',
    });
  });

  it('S39: one stored with a new line in its name is listed and can be undefined', async () => {
    const { host } = local;
    const { domain } = await define(host, web1(), easy);
    host.definitions.put({ domain: { ...domain, name: 'web\n1' }, autostart: false });
    expect((await listDomains(host, { all: true })).domains).toMatchObject([{ name: 'web\n1' }]);
    await undefine(host, 'web\n1', { managedSave: false, signal: never });
    expect((await listDomains(host, { all: true })).domains).toEqual([]);
  });

  it('S19: stays as it was while the domain runs, pauses and ends', async () => {
    const { host } = local;
    await define(host, web1(), easy);
    const before = await dumpXml(host, 'web1', { inactive: true });
    await createDomain(host, web1(), boot);
    await suspendDomain(host, 'web1', never);
    await resumeDomain(host, 'web1', never);
    expect(await dumpXml(host, 'web1', { inactive: true })).toBe(before);
    await destroyDomain(host, 'web1', never);
    expect(await dumpXml(host, 'web1')).toBe(before);
  });

  it('makes a running transient domain persistent, and undefining it makes it transient again', async () => {
    const { host } = local;
    await createDomain(host, web1(), boot);
    expect((await listDomains(host, {})).domains).toMatchObject([{ persistent: false }]);
    await expect(undefine(host, 'web1', { managedSave: false, signal: never })).rejects.toMatchObject({
      code: 'E_REFUSED_TRANSIENT',
    });
    await define(host, web1(), easy);
    expect((await listDomains(host, {})).domains).toMatchObject([{ persistent: true, state: 'running' }]);
    await undefine(host, 'web1', { managedSave: false, signal: never });
    expect((await listDomains(host, {})).domains).toMatchObject([{ persistent: false, state: 'running' }]);
  });

  it('S09: a waiter for a domain that is undefined meanwhile hears that there is none, and leaves no lock', async () => {
    const { host } = local;
    await define(host, web1(), easy);
    const holder = await host.jobs.take(UUID, 'web1', 'holding it', never);
    const waiter = undefine(await local.open(), 'web1', { managedSave: false, signal: never });
    host.definitions.remove(UUID);
    holder[Symbol.dispose]();
    await expect(waiter).rejects.toMatchObject({ code: 'E_REFUSED_NO_DOMAIN' });
    await define(host, web1(), easy);
    expect((await listDomains(host, { all: true })).domains).toHaveLength(1);
  });

  it('S09: a waiter that waits too long names the holder', async () => {
    await using slow = await LocalHost.make({ deadlines: { jobMs: 50 } });
    await define(slow.host, web1(), easy);
    using _holder = await slow.host.jobs.take(UUID, 'web1', 'holding it', never);
    await expect(undefine(slow.host, 'web1', { managedSave: false, signal: never })).rejects.toMatchObject({
      code: 'E_REFUSED_BUSY',
      message: expect.stringContaining('holding it') as string,
    });
  });

  it('refuses names of domain 0', async () => {
    for (const name of ['0', 'Domain-0', '00000000-0000-0000-0000-000000000000']) {
      await expect(undefine(local.host, name, { managedSave: true, signal: never })).rejects.toMatchObject({
        code: 'E_REFUSED_DOMAIN0',
      });
    }
  });
});

describe('the steps of a start', () => {
  it('come in order, and those of an end', async () => {
    const { host } = local;
    await createDomain(host, web1(), boot);
    await destroyDomain(host, 'web1', never);
    expect(recorder.take()).toEqual([
      'prepare web1',
      'start web1',
      'started web1',
      'started/booted web1',
      'stopped web1',
      'release web1',
      'stopped/destroyed web1',
    ]);
  });

  it.each([
    ['prepare', ['prepare web1']],
    ['start', ['prepare web1', 'start web1']],
    ['started', ['prepare web1', 'start web1', 'started web1']],
  ] as const)('that %s vetoes leave nothing behind', async (objects, before) => {
    const { host } = local;
    recorder.objects = objects;
    await expect(createDomain(host, web1(), boot)).rejects.toThrow(`${objects} objects`);
    expect(recorder.take()).toEqual([...before, 'stopped web1', 'release web1', 'stopped/failed web1']);
    expect((await listDomains(host, { all: true })).domains).toEqual([]);
    expect(host.runs.get(UUID)).toBeUndefined();
    recorder.objects = undefined;
    await createDomain(host, web1(), boot);
  });

  it('that fail in the toolstack are taken back', async () => {
    const { host } = local;
    const broken = guestXml({ name: 'web1', uuid: UUID, mib: 8, faults: "<embedded:fault name='create-fails'/>" });
    await expect(createDomain(host, broken, boot)).rejects.toMatchObject({
      code: expect.stringMatching(/^E_TOOLSTACK_/) as string,
    });
    expect(recorder.take()).toEqual([
      'prepare web1',
      'start web1',
      'stopped web1',
      'release web1',
      'stopped/failed web1',
    ]);
  });

  it('S03: an objection at the end is logged with its words, and does not keep the domain', async () => {
    const { host } = local;
    await createDomain(host, web1(), boot);
    recorder.objects = 'stopped';
    await destroyDomain(host, 'web1', never);
    expect((await listDomains(host, {})).domains).toEqual([]);
    expect(local.log).toEqual(['web1: recorder failed after its end: stopped objects']);
    expect(recorder.take()).toContain('release web1');
  });

  it('refuse a second copy in libvirt’s words', async () => {
    const { host } = local;
    await createDomain(host, web1(), boot);
    await expect(createDomain(host, web1(), boot)).rejects.toMatchObject({
      code: 'E_REFUSED_ACTIVE',
      message: "domain 'web1' is already active",
    });
    await expect(createDomain(host, guestXml({ name: 'web1', mib: 8 }), boot)).rejects.toMatchObject({
      code: 'E_REFUSED_NAME_TAKEN',
    });
  });
});
