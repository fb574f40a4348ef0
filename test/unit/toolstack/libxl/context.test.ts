import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CpuSet } from '../../../../src/domain/cpu-set.js';
import { readDefinition } from '../../../../src/domain/definition/read.js';
import { AbortedError } from '../../../../src/errors/errors.js';
import { guestDomid, type Domid } from '../../../../src/toolstack/domid.js';
import { LibxlContext } from '../../../../src/toolstack/libxl/context.js';
import { readConfig } from '../../../../src/toolstack/libxl/domain-config.js';
import type { NewGuest } from '../../../../src/toolstack/libxl/domain-making.js';
import { EventPump } from '../../../../src/toolstack/libxl/event-pump.js';
import type { Transfer } from '../../../../src/toolstack/libxl/libxl-calls.js';
import { FakeNative } from './fake-native.js';

const UUID = '11111111-2222-4333-8444-555555555555';
const OTHER_UUID = 'aaaaaaaa-2222-4333-8444-555555555555';
const never = new AbortController().signal;
const quiet: Transfer = { signal: never, heard: () => undefined };

const GUEST: NewGuest = {
  name: 'new',
  uuid: UUID,
  config: JSON.stringify({ c_info: { name: 'new', uuid: UUID }, b_info: {} }),
};

function configOf(type: string): unknown {
  return { c_info: { type, name: 'old', uuid: OTHER_UUID }, b_info: { max_memkb: 2048, max_vcpus: 1 } };
}

/** What libxl logs while a call goes on. */
function tapOf(errors: readonly string[] = []): {
  during<T>(domid: unknown, heard: unknown, work: () => Promise<T>): Promise<{ result: T; errors: readonly string[] }>;
} {
  return { during: async (_domid, _heard, work) => ({ result: await work(), errors }) };
}

describe('libxl context', () => {
  let native: FakeNative;
  let context: LibxlContext;
  beforeEach(() => {
    native = new FakeNative();
    native.domains.push({ domid: 3, uuid: OTHER_UUID, name: 'old' });
    context = new LibxlContext(native, new EventPump(native), tapOf());
  });
  afterEach(() => {
    expect(native.initialised.size).toBe(0);
    expect(native.allocated.size).toBe(0);
  });

  const id = guestDomid(3);

  it('lists guests, and never domain 0', async () => {
    const infos = await context.queries.list();
    expect(infos.map((info) => [info.domid, info.name, info.state])).toEqual([[3, 'old', 'running']]);
    expect(await context.queries.info(guestDomid(4))).toBeUndefined();
  });

  it('S21, S46: a device model that ends after a device came, went or changed is reported at once; one that lives is not', async () => {
    const dead = new LibxlContext(native, new EventPump(native), tapOf(), { isAlive: () => false });
    native.deviceModels.set(3, 4711);
    native.devices.set('xvdb', { vdev: 'xvdb' });
    const ended = { code: 'E_TOOLSTACK_DEVICE_MODEL', message: expect.stringContaining('process 4711') as string };
    await expect(dead.devices.attach(id, 'usbctrl', '{"devid":0}', quiet)).rejects.toMatchObject(ended);
    expect(native.calls).toEqual(['add usbctrl {"devid":0} to 3']);
    await expect(dead.devices.detach(id, { kind: 'disk', vdev: 'xvdb' }, true, quiet)).rejects.toMatchObject(ended);
    await expect(dead.devices.changeMedium(id, '{"vdev":"hdc"}', quiet)).rejects.toMatchObject(ended);
    // It may take the device in a moment after libxl has said that it is done.
    let looks = 0;
    const dying = new LibxlContext(native, new EventPump(native), tapOf(), { isAlive: () => (looks += 1) < 3 });
    await expect(dying.devices.attach(id, 'nic', '{}', quiet)).rejects.toMatchObject(ended);
    const alive = new LibxlContext(native, new EventPump(native), tapOf(), { isAlive: () => true, observedMs: 1 });
    await alive.devices.attach(id, 'nic', '{}', quiet);
    native.deviceModels.clear();
    await dead.devices.attach(id, 'nic', '{}', quiet);
  });

  it('L09: a guest suspends itself to memory; one that does not is not asked any longer', async () => {
    await context.lifecycle.suspendToMemory(id, quiet);
    expect(native.calls).toEqual(['suspend 3 to memory']);
    native.codes.set('suspendOnly', -6);
    await expect(context.lifecycle.suspendToMemory(id, quiet)).rejects.toMatchObject({ name: 'ToolstackError' });
    expect(native.calls.at(-1)).toBe('withdraw suspend of 3');
  });

  it('L09: the end of an S3 sleep is sent to an HVM guest only', async () => {
    native.config = configOf('hvm');
    await context.lifecycle.press(id, 'wake');
    expect(native.calls).toEqual(['trigger 6 of 3']);
    native.config = configOf('pvh');
    await expect(context.lifecycle.press(id, 'wake')).rejects.toMatchObject({ code: 'E_REFUSED_UNSUPPORTED' });
  });

  it('L10: title, description and metadata are kept beside its configuration, from its making on', async () => {
    const made = await context.making.create({ ...GUEST, annotations: '<annotations/>' }, quiet);
    expect((await context.queries.describe(made)).annotations).toBe('<annotations/>');
    await context.lifecycle.annotate(made, '<annotations><title>x</title></annotations>');
    expect((await context.queries.describe(made)).annotations).toContain('<title>x');
    expect((await context.queries.describe(id)).annotations).toBeUndefined();
    native.codes.set('keepUserdata', -3);
    await expect(context.lifecycle.annotate(made, '')).rejects.toMatchObject({ name: 'ToolstackError' });
  });

  it('L12: a soft reset makes a domain that has shut down from its own configuration, and keeps what is beside it', async () => {
    native.config = configOf('hvm');
    await expect(context.lifecycle.softReset(id, quiet)).rejects.toMatchObject({ code: 'E_TOOLSTACK_STATE' });
    Object.assign(native.domains[1], { shutdown: true, shutdown_reason: 'soft_reset' });
    await context.lifecycle.annotate(id, '<annotations/>');
    await context.lifecycle.softReset(id, quiet);
    expect(native.calls).toEqual([`soft-reset 3 with ${JSON.stringify(native.config)}`]);
    expect((await context.queries.describe(id)).annotations).toBe('<annotations/>');
  });

  it('S49: domain 0 is asked for memory back, and for nothing else', async () => {
    await context.tuning.setDom0Target(512);
    expect(native.calls).toEqual(['set target of domain 0 to 512']);
    for (const kib of [1024, 4096, 0, -1, 0.5, Number.NaN]) {
      await expect(context.tuning.setDom0Target(kib)).rejects.toMatchObject({ code: 'E_REFUSED_DOMAIN0' });
    }
    expect(native.calls).toHaveLength(1);
    native.codes.set('setDom0Target', -3);
    await expect(context.tuning.setDom0Target(512)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAIL' });
  });

  it('S49: says how much a domain needs, from a copy of its configuration', async () => {
    expect(await context.tuning.neededMemory(GUEST.config)).toBe(2_097_152);
    native.codes.set('neededMemory', -6);
    await expect(context.tuning.neededMemory(GUEST.config)).rejects.toMatchObject({ code: 'E_TOOLSTACK_INVAL' });
  });

  // The type forbids it; this is what stands behind the type.
  const zero = 0 as Domid;
  it.each<[string, (on: LibxlContext) => Promise<unknown>]>([
    ['saved', (on) => on.lifecycle.save(zero, 4, true, quiet)],
    ['paused', (on) => on.lifecycle.pause(zero)],
    ['unpaused', (on) => on.lifecycle.unpause(zero)],
    ['renamed', (on) => on.lifecycle.rename(zero, 'x')],
    ['preserved', (on) => on.lifecycle.preserve(zero, '-1', '11111111-2222-4333-8444-555555555555')],
    ['shut down', (on) => on.lifecycle.shutdown(zero)],
    ['rebooted', (on) => on.lifecycle.reboot(zero)],
    ['destroyed', (on) => on.lifecycle.destroy(zero)],
    ['given memory', (on) => on.tuning.setMemory(zero, 4096)],
    ['given processors', (on) => on.tuning.setVcpus(zero, CpuSet.of([0]))],
    ['pinned', (on) => on.tuning.pinVcpu(zero, 0, CpuSet.of([0]))],
    ['given another weight or cap', (on) => on.tuning.setScheduling(zero, { weight: 500 })],
    ['turned off by its power button', (on) => on.lifecycle.press(zero, 'power')],
    ['reset', (on) => on.lifecycle.press(zero, 'reset')],
    ['dumped', (on) => on.lifecycle.dumpCore(zero, '/d', quiet)],
  ])('domain 0 is never %s: libxl is not even called', async (_, act) => {
    await expect(act(context)).rejects.toMatchObject({ code: 'E_REFUSED_DOMAIN0' });
    expect(native.calls).toEqual([]);
  });

  it('domain 0 is never resumed, not even where it seems to be suspended', async () => {
    Object.assign(native.domains[0], { shutdown: true, shutdown_reason: 'suspend' });
    await expect(context.lifecycle.resume(zero)).rejects.toMatchObject({ code: 'E_REFUSED_DOMAIN0' });
    expect(native.calls).toEqual([]);
  });

  it('a preserved domain has another UUID from then on, though Xen keeps the old one', async () => {
    const uuid = '11111111-2222-4333-8444-555555555555';
    const domain = native.domains.find(({ domid }) => domid === id);
    Object.assign(domain ?? {}, { shutdown: true, shutdown_reason: 'crash' });
    const old = domain?.uuid;
    await context.lifecycle.preserve(id, '-1', uuid);
    expect(await context.queries.info(id)).toMatchObject({ uuid, state: 'shutdown' });
    expect(JSON.parse((await context.queries.describe(id)).config)).toMatchObject({ c_info: { uuid } });
    expect(domain?.uuid).toBe(old);
  });

  it('S47: tells what serves the disks for which the configuration leaves it to libxl', async () => {
    const disks = [
      { vdev: 'xvda', pdev_path: '/a' },
      { vdev: 'xvdb', pdev_path: '/b', backend: 'phy' },
      { vdev: 'xvdc', pdev_path: '/c', backend: 'unknown' },
      { vdev: 'hdc', format: 'empty' },
    ];
    native.config = { ...(configOf('pvh') as object), disks };
    native.devices.set('xvda', { vdev: 'xvda', backend: 'qdisk' });
    const { config, backends } = await context.queries.describe(id);
    expect(backends).toEqual({ xvda: 'qdisk' }); // xvdc has just gone
    const { domain, native: kept } = readConfig(config, { backends });
    const { definition } = readDefinition(domain, { lenient: true });
    const drivers = definition.devices.flatMap((one) => (one.kind === 'disk' ? [[one.target, one.driver]] : []));
    expect(drivers).toEqual([
      ['xvda', 'qemu'],
      ['xvdb', 'phy'],
      ['xvdc', undefined],
      ['hdc', undefined],
    ]);
    // Another host chooses anew.
    expect(JSON.parse(kept?.text ?? '')).toMatchObject({ disks });
  });

  it('plugs devices in, as they are given', async () => {
    await context.devices.attach(id, 'disk', '{"vdev":"xvdb"}', quiet);
    await context.devices.attach(id, 'usbctrl', '{"devid":1}', quiet);
    await context.devices.changeMedium(id, '{"vdev":"hdc","format":"empty"}', quiet);
    expect(native.calls).toEqual([
      'add disk {"vdev":"xvdb"} to 3',
      'add usbctrl {"devid":1} to 3',
      'insert {"vdev":"hdc","format":"empty"} into 3',
    ]);
    native.codes.set('addDevice', -9);
    await expect(context.devices.attach(id, 'nic', '{}', quiet)).rejects.toMatchObject({
      code: 'E_TOOLSTACK_TIMEDOUT',
    });
  });

  it('S14 S21 S47: takes devices out as libxl itself has them', async () => {
    native.devices.set('xvdb', { vdev: 'xvdb', backend: 'qdisk' });
    native.devices.set('00:16:3e:00:00:01', { devid: 2 });
    const usbdevs = [
      { ctrl: 0, port: 1, 'type.hostdev': { hostbus: 1, hostaddr: 5 } },
      { ctrl: 0, port: 2, 'type.hostdev': { hostbus: 1, hostaddr: 6 } },
    ];
    native.config = { c_info: {}, b_info: {}, usbctrls: [{ devid: 0, ports: 4 }], usbdevs };
    await context.devices.detach(id, { kind: 'disk', vdev: 'xvdb' }, false, quiet);
    await context.devices.detach(id, { kind: 'disk', vdev: 'xvdb' }, true, quiet);
    await context.devices.detach(id, { kind: 'nic', mac: '00:16:3e:00:00:01' }, false, quiet);
    await context.devices.detach(id, { kind: 'usbdev', bus: 1, device: 6 }, false, quiet);
    await context.devices.detach(id, { kind: 'usbctrl', devid: 0 }, false, quiet);
    expect(native.calls).toEqual([
      'ask for disk {"vdev":"xvdb","backend":"qdisk"} of 3',
      'remove disk {"vdev":"xvdb","backend":"qdisk"} from 3',
      'remove nic {"devid":2} from 3',
      'remove usbdev {"type.hostdev":{"hostbus":1,"hostaddr":6},"ctrl":0,"port":2} from 3',
      'remove usbctrl {"devid":0,"ports":4} from 3',
    ]);
    for (const named of [
      { kind: 'disk', vdev: 'xvdz' },
      { kind: 'nic', mac: '00:16:3e:00:00:09' },
      { kind: 'usbdev', bus: 1, device: 7 },
      { kind: 'usbctrl', devid: 5 },
    ] as const) {
      await expect(context.devices.detach(id, named, false, quiet)).rejects.toMatchObject({
        code: 'E_TOOLSTACK_NOTFOUND',
      });
    }
    expect(native.calls).toHaveLength(5);
  });

  it('is aborted by its caller, by libxl itself', async () => {
    native.hanging.add('addDevice');
    const stop = new AbortController();
    const attached = context.devices.attach(id, 'disk', '{}', { signal: stop.signal, heard: () => undefined });
    stop.abort(new AbortedError('enough'));
    await expect(attached).rejects.toThrow('enough');
  });

  it('refuses an amount of memory that is none, before libxl is asked', async () => {
    await expect(context.tuning.setMemory(id, -4096)).rejects.toMatchObject({ code: 'E_TOOLSTACK_INVAL' });
    expect(native.calls).toEqual([]);
  });

  it('S35: weight and cap are told apart, and only what changes is told to libxl', async () => {
    native.scheduling = { sched: 'credit', weight: 500, cap: 50 };
    expect(await context.tuning.scheduling(id)).toEqual({ scheduler: 'credit', weight: 500, cap: 50 });
    await context.tuning.setScheduling(id, { weight: 512 });
    await context.tuning.setScheduling(id, { cap: 0 });
    await context.tuning.setScheduling(id, { weight: 1, cap: 100 });
    expect(native.calls).toEqual([
      'schedule 3 by {"sched":"credit","weight":512}',
      'schedule 3 by {"sched":"credit","cap":0}',
      'schedule 3 by {"sched":"credit","weight":1,"cap":100}',
    ]);
  });

  it('S35: what libxl would read as something else does not come to it', async () => {
    const out = [
      { weight: -1 },
      { weight: 0 },
      { weight: 65_536 },
      { weight: 2 ** 32 + 1 },
      { weight: 1.5 },
      { cap: -1 },
      { cap: 101 },
      { cap: Number.NaN },
    ];
    for (const change of out) {
      await expect(context.tuning.setScheduling(id, change)).rejects.toMatchObject({ code: 'E_TOOLSTACK_INVAL' });
    }
    expect(native.calls).toEqual([]);
  });

  // libxl says that it has done it to the last two, and fails to look at the first two.
  it.each([
    ['sedf', -25],
    ['arinc653', -6],
    ['rtds', 0],
    ['null', 0],
  ])('S35: the scheduler %s is refused by name', async (sched, rc) => {
    native.scheduling = { sched };
    native.codes.set('schedParams', rc);
    const refused = { code: 'E_REFUSED_UNSUPPORTED', message: expect.stringContaining(`by ${sched},`) as unknown };
    await expect(context.tuning.scheduling(id)).rejects.toMatchObject(refused);
    await expect(context.tuning.setScheduling(id, { weight: 1 })).rejects.toMatchObject(refused);
    expect(native.calls).toEqual([]);
  });

  it('S35: what goes wrong with libxl is told: no such domain, a failed look, a failed change', async () => {
    native.codes.set('schedParams', -6);
    const gone = { code: 'E_TOOLSTACK_DOMAIN_GONE' };
    await expect(context.tuning.scheduling(guestDomid(4))).rejects.toMatchObject(gone);
    await expect(context.tuning.setScheduling(guestDomid(4), { cap: 0 })).rejects.toMatchObject(gone);
    await expect(context.tuning.scheduling(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_INVAL' });
    native.codes.clear();
    native.scheduling = { sched: 'credit2', weight: 256 };
    await expect(context.tuning.scheduling(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAIL' });
    native.scheduling = { sched: 'credit2', weight: 256, cap: 0 };
    native.codes.set('setSchedParams', -3);
    await expect(context.tuning.setScheduling(id, { cap: 5 })).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAIL' });
  });

  it('saves live or not', async () => {
    await context.lifecycle.save(id, 4, true, quiet);
    await context.lifecycle.save(id, 5, false, quiet);
    expect(native.calls).toEqual(['suspend 3 to 4 flags 2', 'suspend 3 to 5 flags 0']);
  });

  it('F34: a guest that does not suspend is told by name, with what libxl said', async () => {
    native.codes.set('suspend', -8);
    const telling = new LibxlContext(native, new EventPump(native), tapOf(['guest did not suspend, timed out']));
    await expect(telling.lifecycle.save(id, 4, true, quiet)).rejects.toMatchObject({
      code: 'E_TOOLSTACK_GUEST_TIMEDOUT',
      message: expect.stringContaining('guest did not suspend, timed out') as unknown,
      data: { rc: -8, rcName: 'GUEST_TIMEDOUT', domid: 3 },
    });
  });

  it('a cancelled save is aborted in libxl, and rejects with the reason', async () => {
    native.hanging.add('suspend');
    const stop = new AbortController();
    const saved = context.lifecycle.save(id, 4, true, { signal: stop.signal, heard: () => undefined });
    const reason = new AbortedError('not now');
    stop.abort(reason);
    await expect(saved).rejects.toBe(reason);
    expect(native.calls).toContain('abort');
  });

  it('F34: behind a save that failed or was cancelled no request to suspend is left in xenstore', async () => {
    native.codes.set('suspend', -3);
    await expect(context.lifecycle.save(id, 4, true, quiet)).rejects.toMatchObject({
      code: expect.stringMatching(/^E_/) as unknown,
    });
    expect(native.calls.at(-1)).toBe('withdraw suspend of 3');
    native.withdrawSuspend = () => Promise.reject(new Error('xenstore cannot be opened'));
    await expect(context.lifecycle.save(id, 4, true, quiet)).rejects.not.toThrow('xenstore');
  });

  it('a save that was done when it was cancelled is done', async () => {
    const stop = new AbortController();
    native.abort = () => Promise.resolve(-23);
    const saved = context.lifecycle.save(id, 4, true, { signal: stop.signal, heard: () => undefined });
    stop.abort(new AbortedError());
    await saved;
  });

  it('2.3: resumes only what is suspended, co-operatively', async () => {
    await expect(context.lifecycle.resume(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_NOT_SUSPENDED' });
    expect(native.calls).toEqual([]);
    Object.assign(native.domains[1], { shutdown: true, shutdown_reason: 'crash' });
    await expect(context.lifecycle.resume(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_NOT_SUSPENDED' });
    Object.assign(native.domains[1], { shutdown_reason: 'suspend' });
    await context.lifecycle.resume(id);
    expect(native.calls).toEqual(['resume 3 cancel true']);
  });

  it('says where a guest has no Xen drivers that could hear it', async () => {
    native.codes.set('shutdown', -10);
    native.codes.set('reboot', -10);
    await expect(context.lifecycle.shutdown(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_NO_PARAVIRT' });
    await expect(context.lifecycle.reboot(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_NO_PARAVIRT' });
    expect(native.calls).toEqual(['shutdown 3', 'reboot 3']);
  });

  it('presses buttons, changes memory and processors, and dumps', async () => {
    native.config = configOf('hvm');
    await context.lifecycle.press(id, 'power');
    await context.lifecycle.press(id, 'reset');
    await context.tuning.setMemory(id, 8192);
    await context.tuning.setVcpus(id, CpuSet.of([0, 2]));
    await context.tuning.pinVcpu(id, 1, CpuSet.of([3]));
    await context.lifecycle.dumpCore(id, '/d', { signal: new AbortController().signal, heard: () => undefined });
    expect(native.calls).toEqual([
      'trigger 1 of 3',
      'force 3 to shut down for 1',
      'set target of 3 to 8192',
      'set online of 3 to 0,2',
      'pin 1 of 3 to 3',
      'dump 3 to /d',
    ]);
    expect(await context.tuning.vcpus(id)).toEqual([]);
    native.codes.set('listVcpus', -3);
    await expect(context.tuning.vcpus(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAIL' });
    native.domains.length = 0;
    await expect(context.tuning.vcpus(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_DOMAIN_GONE' });
  });

  it.each(['pvh', 'pv'])('a %s guest has no button to press: libxl is not even called', async (type) => {
    native.config = configOf(type);
    for (const button of ['power', 'reset'] as const) {
      await expect(context.lifecycle.press(id, button)).rejects.toMatchObject({ code: 'E_REFUSED_UNSUPPORTED' });
    }
    expect(native.calls).toEqual([]);
  });

  it.each([0, -4096, 0.5, Number.NaN])('asks no guest to do with %s KiB: libxl is not even called', async (kib) => {
    await expect(context.tuning.setMemory(id, kib)).rejects.toMatchObject({ code: 'E_TOOLSTACK_INVAL' });
    expect(native.calls).toEqual([]);
  });

  it('a shutdown that fails otherwise presses nothing', async () => {
    native.codes.set('shutdown', -3);
    await expect(context.lifecycle.shutdown(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAIL' });
    expect(native.calls).toEqual(['shutdown 3']);
  });

  it('destroys, also what has gone already, or goes meanwhile', async () => {
    await context.lifecycle.destroy(id);
    expect(native.calls).toEqual(['destroy 3']);
    await context.lifecycle.destroy(id);
    expect(native.calls).toHaveLength(1);
    native.domains.push({ domid: 4, uuid: UUID, name: 'racing' });
    native.codes.set('destroy', -21);
    await context.lifecycle.destroy(guestDomid(4));
  });

  it('a call that libxl does not even start rejects', async () => {
    native.codes.set('start pause', -6);
    await expect(context.lifecycle.pause(id)).rejects.toMatchObject({ code: 'E_TOOLSTACK_INVAL' });
  });

  it('makes a domain', async () => {
    expect(await context.making.create(GUEST, quiet)).toBe(7);
    expect(
      await context.making.restore({ ...GUEST, name: 'third', uuid: OTHER_UUID.replace('a', 'b') }, 4, 2, quiet),
    ).toBe(7);
    expect(native.calls).toContain('restore from 4 with {"stream_version":2}');
  });

  it('F37: makes none of a UUID or name that is there', async () => {
    await expect(context.making.create({ ...GUEST, uuid: OTHER_UUID }, quiet)).rejects.toMatchObject({
      code: 'E_TOOLSTACK_UUID_TAKEN',
    });
    await expect(context.making.create({ ...GUEST, name: 'old' }, quiet)).rejects.toMatchObject({
      code: 'E_TOOLSTACK_NAME_TAKEN',
    });
    expect(native.calls).toEqual([]);
  });

  it('a configuration that libxl cannot read makes nothing', async () => {
    native.codes.set('fromJson', -6);
    await expect(context.making.create(GUEST, quiet)).rejects.toMatchObject({ code: 'E_TOOLSTACK_INVAL' });
    expect(native.calls).toEqual([]);
  });

  it('destroys the partial domain of an aborted restore', async () => {
    native.hanging.add('restore');
    const stop = new AbortController();
    const restored = context.making.restore(GUEST, 4, 2, { signal: stop.signal, heard: () => undefined });
    while (!native.calls.includes('restore new')) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new AbortedError('gone'));
    await expect(restored).rejects.toThrow('gone');
    expect(native.calls).toContain('destroy 7');
    expect(native.domains.map((domain) => domain.domid)).toEqual([0, 3]);
  });

  it('makes nothing where it is cancelled before it begins', async () => {
    const signal = AbortSignal.abort(new AbortedError('too late'));
    await expect(context.making.restore(GUEST, 4, 2, { signal, heard: () => undefined })).rejects.toThrow('too late');
    expect(native.calls).toEqual([]);
  });

  it('but never another domain, whatever id libxl left behind', async () => {
    for (const [rc, left] of [
      [-3, 0],
      [-22, 3],
    ] as const) {
      native.codes.set('create', rc);
      native.newDomid = left;
      const before = [...native.domains];
      const make = native.create.bind(native);
      native.create = async (...args) => {
        const started = await make(...args);
        native.domains.splice(before.length); // libxl removed it; its number may be anybody's
        return started;
      };
      await expect(context.making.create(GUEST, quiet)).rejects.toThrow();
      expect(native.calls.filter((call) => call.startsWith('destroy'))).toEqual([]);
      expect(native.domains).toEqual(before);
    }
  });

  it('a failed restore of which nothing is left destroys nothing', async () => {
    native.codes.set('restore', -3);
    await expect(context.making.restore(GUEST, 4, 2, quiet)).rejects.toMatchObject({ code: 'E_TOOLSTACK_FAIL' });
    expect(native.calls.filter((call) => call.startsWith('destroy'))).toEqual([]);
  });
});
