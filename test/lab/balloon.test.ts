import { afterEach, describe, expect, it } from 'vitest';
import { hostA } from './support/lab-host.js';
import { nothingLeft } from './support/nothing-left.js';

/* Domain 0 of a real Xen host makes room for a guest, or does not, as the configuration says. */

const VERB_MS = 400_000;
const MIB_TOO_FEW = 80;

const xmlOf = (name: string, mib: number): string => `<domain type='xen'>
  <name>${name}</name>
  <memory unit='MiB'>${mib}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='xenpvh'>xenpvh</type>
    <kernel>/root/guests/vmlinuz</kernel>
    <initrd>/root/guests/initramfs</initrd>
    <cmdline>console=hvc0 quiet</cmdline>
  </os>
</domain>
`;

const mibOf = async (command: string): Promise<number> => Number((await hostA.ok(command)).trim());
const dom0Mib = (): Promise<number> => mibOf(`xl list 0 | awk 'NR == 2 { print $3 }'`);

describe('domain 0 of a real Xen host', () => {
  nothingLeft();
  let before = 0;
  afterEach(async () => {
    if (before > 0) await hostA.ok(`xl mem-set 0 ${before}`);
  });

  it('S49: keeps its memory with autoballoon = false, and makes room for a guest with true', async () => {
    before = await dom0Mib();
    const free = await mibOf('xl info free_memory');
    const name = `room${process.pid}`;
    await hostA.put(Buffer.from(xmlOf(name, free + MIB_TOO_FEW)), `/tmp/${name}.xml`);
    const create = (autoballoon: boolean) =>
      hostA.run(
        `echo 'autoballoon = ${autoballoon}' >/tmp/${name}.conf
         XENFERRY_CONFIG=/tmp/${name}.conf xenferry create /tmp/${name}.xml
         status=$?; rm /tmp/${name}.conf; exit $status`,
        VERB_MS,
      );
    try {
      const refused = await create(false);
      expect(refused.status, refused.stderr).not.toBe(0);
      expect(refused.stderr).toMatch(/memory/);
      expect(await hostA.domains()).toEqual([]);
      expect(await dom0Mib()).toBe(before);

      const made = await create(true);
      expect(made.status, made.stderr).toBe(0);
      expect(await hostA.domains()).toEqual([name]);
      const now = await dom0Mib();
      expect(now).toBeLessThan(before);
      expect(now).toBeGreaterThanOrEqual(before - 2 * MIB_TOO_FEW);
    } finally {
      await hostA.run(`rm -f /tmp/${name}.xml`);
    }
  });
});
