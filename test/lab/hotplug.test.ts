import { describe, expect, it } from 'vitest';
import { startGuest } from './support/lab-guest.js';
import { hostA, hostB, type LabHost } from './support/lab-host.js';
import { moveWhole } from './support/moved.js';
import { nothingLeft } from './support/nothing-left.js';
import { served } from './support/served.js';

/* Devices that come to a running guest and go again: libxl serves them, the guest's own drivers take them and let go. */

const SHARED_DISK = '/dev/disk/by-id/virtio-shared';
const MAC = '00:16:3e:77:0a:0c';
const VERB_MS = 120_000;
/** io/xenbus.h: both ends have met. */
const CONNECTED = '4';

/** A running guest's disks as xenferry lists them. */
async function disks(host: LabHost, name: string): Promise<unknown> {
  return JSON.parse(await host.ok(`xenferry domblklist ${name} --json`, VERB_MS));
}

/** The guest's driver has taken the device; `xl` looks at it. */
async function connects(host: LabHost, list: 'block-list' | 'network-list', name: string): Promise<void> {
  const column = list === 'block-list' ? 4 : 5;
  await host.ok(
    `until [ "$(xl ${list} ${name} | awk 'NR == 2 { print $${column} }')" = ${CONNECTED} ]; do sleep 0.5; done`,
    VERB_MS,
  );
}

describe('devices come to a running guest and go', () => {
  nothingLeft();

  it('S46 S47: a disk without a driver and a card; they move with the guest, which lets go of them there', async () => {
    const { name } = await startGuest(hostA, 'pvh');
    await hostA.ok(`xenferry attach-disk ${name} ${SHARED_DISK} xvdb`, VERB_MS);
    await hostA.ok(`xenferry attach-interface ${name} bridge xenbr0 --mac ${MAC}`, VERB_MS);
    await connects(hostA, 'block-list', name);
    await connects(hostA, 'network-list', name);
    expect(await disks(hostA, name)).toMatchObject([
      { target: 'xvdb', source: SHARED_DISK, driver: 'phy', format: 'raw', readonly: false },
    ]);
    const again = await hostA.run(`xenferry attach-disk ${name} ${SHARED_DISK} xvdb`, VERB_MS);
    expect(again.stderr).toContain('target xvdb already exists');
    const serves = ['back end vbd', 'back end vif', 'card on the bridge'];
    expect(await served(hostA)).toEqual(serves);

    const nowhere = await hostA.run(`xenferry attach-interface ${name} bridge nowhere`, VERB_MS);
    expect(nowhere.status).toBe(1);
    // libxl itself would have left it there, for the next host to stumble on.
    expect(JSON.parse(await hostA.ok(`xenferry domiflist ${name} --json`, VERB_MS))).toMatchObject([{ mac: MAC }]);
    expect(await served(hostA)).toEqual(serves);

    await moveWhole({ name, from: hostA, uri: 'xen+ssh://root@host-b/system' });
    expect(await served(hostA)).toEqual([]);
    await connects(hostB, 'block-list', name);
    await connects(hostB, 'network-list', name);
    expect(await served(hostB)).toEqual(serves);
    // A guest that stands still cannot let go; once it runs, it does.
    await hostB.ok(`xl pause ${name}`);
    const kept = await hostB.run(`xenferry detach-disk ${name} xvdb`, VERB_MS);
    expect([kept.status, kept.stderr]).toEqual([3, expect.stringContaining('its guest cannot release disk xvdb')]);
    expect(await served(hostB)).toEqual(serves);
    await hostB.ok(`xl unpause ${name}`);
    await hostB.ok(`xenferry detach-disk ${name} xvdb`, VERB_MS);
    await hostB.ok(`xenferry detach-interface ${name} bridge --mac ${MAC}`, VERB_MS);
    expect(await served(hostB)).toEqual([]);
    expect(await disks(hostB, name)).toEqual([]);
    await hostB.ok(`xl destroy ${name}`);
  });

  it('S21: the medium of an HVM guest changes, and a USB controller comes', async () => {
    await hostA.ok('truncate -s 4M /tmp/one.iso /tmp/other.iso');
    const { name } = await startGuest(hostA, 'hvm', [
      'disk=["format=raw,vdev=hdc,access=ro,devtype=cdrom,target=/tmp/one.iso"]',
    ]);
    const medium = `xenstore-read /local/domain/0/backend/qdisk/$(xl domid ${name})/5632/params`;
    await hostA.ok(`xenferry change-media ${name} hdc /tmp/other.iso`, VERB_MS);
    expect(await disks(hostA, name)).toMatchObject([{ target: 'hdc', device: 'cdrom', source: '/tmp/other.iso' }]);
    expect(await hostA.ok(medium)).toContain('/tmp/other.iso');
    await hostA.ok(`xenferry change-media ${name} hdc --eject`, VERB_MS);
    expect(await disks(hostA, name)).toMatchObject([{ target: 'hdc', source: null }]);

    const attach = `echo "<controller type='usb' index='0' ports='4'/>" >/tmp/usb.xml && xenferry attach-device ${name} /tmp/usb.xml`;
    if (!(await hostA.ok('xl info xen_version')).startsWith('4.17')) {
      // The device model of later distributions ends when a controller comes: it is refused, and the guest is as it was.
      expect((await hostA.run(attach, VERB_MS)).status).toBe(3);
      expect(await hostA.ok(`xenferry dumpxml ${name}`, VERB_MS)).not.toContain("type='usb'");
      await hostA.ok(`xl destroy ${name}; rm -f /tmp/one.iso /tmp/other.iso /tmp/usb.xml`);
      return;
    }
    await hostA.ok(attach, VERB_MS);
    // Going takes a back end that answers, and the device model here is built without one.
    expect(await hostA.ok(`xl usb-list ${name}`)).toMatch(/^0\s+qusb\s.*\s4\s*$/m);
    expect(await hostA.ok(`xenferry dumpxml ${name}`, VERB_MS)).toContain(
      "type='usb' index='0' model='qusb2' ports='4'",
    );
    await hostA.ok(`xl destroy ${name}; rm -f /tmp/one.iso /tmp/other.iso /tmp/usb.xml`);
  });
});
