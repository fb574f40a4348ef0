import { describe, expect, it } from 'vitest';
import { lastTick, tickBeyond, TICKS_A_DIGEST } from './support/lab-guest.js';
import { hostA, hostB, type LabHost } from './support/lab-host.js';
import { PATIENCE } from './support/moved.js';
import { nothingLeft } from './support/nothing-left.js';

/* A guest's life from its XML alone, by xenferry's verbs, with the monitor that they leave behind. */

const BOOT_MS = 400_000;
const VERB_MS = 400_000;

/** What is left behind counts as such in the other suites of the lab, so that no monitor is started there. */
const MONITORED = 'unset XENFERRY_MONITOR;';

const xmlOf = (name: string): string => `<domain type='xen'>
  <name>${name}</name>
  <memory unit='MiB'>128</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='xenpvh'>xenpvh</type>
    <kernel>/root/guests/vmlinuz</kernel>
    <initrd>/root/guests/initramfs</initrd>
    <cmdline>console=hvc0 quiet sysrq_always_enabled</cmdline>
  </os>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>rename-restart</on_crash>
</domain>
`;

async function defineAndStart(host: LabHost, name: string): Promise<void> {
  await host.put(Buffer.from(xmlOf(name)), `/tmp/${name}.xml`);
  await host.ok(
    `${MONITORED} xenferry define /tmp/${name}.xml && rm /tmp/${name}.xml && xenferry start ${name}`,
    VERB_MS,
  );
  await tickBeyond(host, name, 0, BOOT_MS);
}

/** Waits until the guest has booted as often as this on that host. */
async function bootedTimes(host: LabHost, name: string, times: number): Promise<void> {
  const log = `/var/log/xen/console/guest-${name}.log`;
  await host.ok(`until [ "$(grep -ac 'lab guest is up' ${log})" -ge ${times} ]; do sleep 0.5; done`, BOOT_MS);
}

async function stateOf(host: LabHost, name: string): Promise<string> {
  return (await host.ok(`xenferry domstate --reason ${name}`, VERB_MS)).trim();
}

describe('a life on real Xen, from XML alone', () => {
  nothingLeft();

  it('start, save, restore, reboot, crash, shutdown: the monitor does what the definition says', async () => {
    const name = `life${process.pid}`;
    await defineAndStart(hostA, name);
    expect(await hostA.domains()).toEqual([name]);

    await hostA.ok(`xenferry save ${name} /tmp/${name}.save --progress none`, VERB_MS);
    expect(await hostA.domains()).toEqual([]);
    const saved = await lastTick(hostA, name);
    await hostA.ok(`${MONITORED} xenferry restore /tmp/${name}.save && rm /tmp/${name}.save`, VERB_MS);
    const restored = await tickBeyond(hostA, name, saved.number + TICKS_A_DIGEST);
    expect(restored.digest).toBe(saved.digest);

    await hostA.ok(`xenferry reboot ${name} --mode paravirt`, VERB_MS);
    await bootedTimes(hostA, name, 2);
    // Its kernel panics, and Xen tells of a crash: what is left of it is set aside, another one starts in its place.
    await hostA.ok(`xl sysrq ${name} c`);
    await bootedTimes(hostA, name, 3);
    expect((await hostA.domains()).toSorted()).toEqual([name, `${name}-1`]);
    await hostA.ok(`xenferry destroy ${name}-1`, VERB_MS);
    expect(await stateOf(hostA, name)).toBe('running (booted)');

    await hostA.ok(`xenferry shutdown ${name} --mode paravirt`, VERB_MS);
    await hostA.ok(`until [ "$(xl list | wc -l)" = 2 ]; do sleep 0.5; done`, VERB_MS);
    expect(await stateOf(hostA, name)).toBe('shut off (shutdown)');
    await hostA.ok(`xenferry undefine ${name}`, VERB_MS);
    expect(JSON.parse(await hostA.ok('xenferry list --all --json', VERB_MS))).toEqual([]);
  });

  it('S50: its definition moves with it, and it is paused where it arrives', async () => {
    const name = `moving${process.pid}`;
    await defineAndStart(hostA, name);
    const out = await hostA.ok(
      `xenferry migrate --live --persistent --undefinesource --suspend ${PATIENCE} ${name} xen+ssh://root@host-b/system --json --progress none`,
      VERB_MS * 2,
    );
    expect(JSON.parse(out)).toMatchObject({ result: 'done', running: false, persistent: true });
    expect(JSON.parse(await hostA.ok('xenferry list --all --json', VERB_MS))).toEqual([]);
    expect(JSON.parse(await hostB.ok('xenferry list --all --json', VERB_MS))).toMatchObject([
      { name, state: 'paused', persistent: true },
    ]);
    const left = await lastTick(hostA, name);
    await hostB.ok(`xenferry resume ${name}`, VERB_MS);
    const arrived = await tickBeyond(hostB, name, left.number + TICKS_A_DIGEST);
    expect(arrived.digest).toBe(left.digest);
    await hostB.ok(`xenferry destroy ${name} && xenferry undefine ${name}`, VERB_MS);
  });
});
