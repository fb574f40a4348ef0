import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { interfaceAddresses, type AddressesFound } from '../../../../src/operations/addresses/interface-addresses.js';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { define } from '../../../../src/operations/definition/define.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never } from '../../../support/local-host.js';

const NOW = 1_700_000_000;
const mac = (last: string): string => `00:16:3e:00:00:${last}`;
const nic = (type: string, last: string, inside: string): string =>
  `<interface type='${type}'><mac address='${mac(last)}'/>${inside}</interface>`;
const NETWORK = nic('network', '0a', "<source network='default'/>");
const BRIDGE = nic('bridge', '0b', "<source bridge='xenbr0'/><target dev='web1-lan'/>");
const NETWORK_XML = `<!-- made by libvirt -->
<networkstatus><class_id bitmap='0-2'/><network><name>default</name><bridge name='virbr0' stp='on'/></network></networkstatus>`;

let local: LocalHost;
let domid: number;
beforeEach(async () => {
  local = await LocalHost.make();
});
afterEach(async () => {
  await local[Symbol.asyncDispose]();
});

async function run(...devices: string[]): Promise<void> {
  const xml = guestXml({ name: 'web1', mib: 8 }).replace(
    '</domain>',
    `<devices>${devices.join('')}</devices></domain>`,
  );
  await createDomain(local.host, xml, { paused: true, validate: true, signal: never });
  ({ domid } = await local.host.find('web1'));
}

function file(path: string, text: string): string {
  const full = local.path('files', path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
  return full;
}

function status(bridge: string, ...leases: (readonly [last: string, address: string, expiresAt?: number])[]): void {
  const entries = leases.map(([last, address, expiresAt]) => ({
    'ip-address': address,
    'mac-address': mac(last),
    ...(expiresAt === undefined ? {} : { 'expiry-time': expiresAt }),
  }));
  file(`var/lib/libvirt/dnsmasq/${bridge}.status`, JSON.stringify(entries));
}

const ask = (wanted?: string): Promise<AddressesFound> =>
  interfaceAddresses(local.host, 'web1', { interface: wanted, now: NOW, signal: never });

describe('S05: addresses that were lent to a running domain', () => {
  it('by the card’s address, of a virtual network and of a bridge, with the prefix of the bridge’s network', async () => {
    await run(NETWORK, BRIDGE);
    file('run/libvirt/network/default.xml', NETWORK_XML);
    status(
      'virbr0',
      ['0a', '192.168.122.7', NOW + 1],
      ['0a', '192.168.122.8', NOW],
      ['0a', '2001:db8::7', 0],
      ['0b', '192.168.122.9', 0],
    );
    file('var/lib/misc/dnsmasq.xenbr0.leases', `0 ${mac('0b')} 10.0.0.7 * *\n0 ${mac('0a')} 10.0.0.8 * *\n`);
    mkdirSync(local.path('kernel/proc/net'), { recursive: true });
    writeFileSync(
      local.path('kernel/proc/net/route'),
      'Iface Destination\nvirbr0\t007AA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n',
    );
    const first = {
      ifname: `vif${domid}.0`,
      mac: mac('0a'),
      addresses: [
        { family: 'ipv4', address: '192.168.122.7', prefix: 24 },
        { family: 'ipv6', address: '2001:db8::7', prefix: undefined },
      ],
    };
    const second = {
      ifname: 'web1-lan',
      mac: mac('0b'),
      addresses: [{ family: 'ipv4', address: '10.0.0.7', prefix: undefined }],
    };
    expect(await ask()).toEqual({ interfaces: [first, second], notes: [] });
    expect(await ask('web1-lan')).toEqual({ interfaces: [second], notes: [] });
    expect(await ask(mac('0a').toUpperCase())).toEqual({ interfaces: [first], notes: [] });
    await expect(ask('eth0')).rejects.toMatchObject({
      code: 'E_USAGE_INTERFACE',
      hint: `It has vif${domid}.0, web1-lan.`,
    });
  });

  it('each once, whichever of the files has it', async () => {
    await run(BRIDGE);
    status('xenbr0', ['0b', '10.0.0.7']);
    file('var/lib/misc/dnsmasq.leases', `0 ${mac('0b')} 10.0.0.7 * *\n`);
    file('var/lib/dnsmasq/dnsmasq.leases', `0 ${mac('0b')} 10.0.0.8 * *\n`);
    const { interfaces } = await ask();
    expect(interfaces.flatMap(({ addresses }) => addresses.map(({ address }) => address))).toEqual([
      '10.0.0.7',
      '10.0.0.8',
    ]);
  });

  it('none: an empty list, and nothing to say where there is a list of leases', async () => {
    await run(BRIDGE);
    status('xenbr0', ['0b', '10.0.0.7', NOW - 1]);
    expect(await ask()).toEqual({ interfaces: [], notes: [] });
    await local.host.toolstack.destroy((await local.host.find('web1')).domid);
    await run();
    expect(await ask()).toEqual({ interfaces: [], notes: [] });
  });

  it('an interface whose network or bridge is not known fails nothing: it is told, with the file', async () => {
    await run(
      NETWORK,
      nic('ethernet', '0c', ''),
      nic('bridge', '0d', "<source bridge='xenbr0'/><backenddomain name='net'/>"),
      nic('bridge', '0e', "<source bridge='../../../etc'/>"),
      nic('network', '0f', "<source network='../secret'/>"),
      nic('bridge', '10', "<source bridge='br1'/>"),
      BRIDGE,
    );
    status('xenbr0', ['0b', '10.0.0.7']);
    const { interfaces, notes } = await ask();
    expect(interfaces.map(({ ifname }) => ifname)).toEqual(['web1-lan']);
    expect(notes.map((note) => note.replace(/^vif\d+\./, ''))).toEqual([
      expect.stringMatching(
        /^0: network "default" is not known here: there is no \S+run\/libvirt\/network\/default.xml/,
      ),
      '1: it is on no bridge',
      '2: domain net serves it: ask there',
      '3: "../../../etc" is not a valid bridge name',
      '4: "../secret" is not a valid network name',
      expect.stringMatching(/^5: no DHCP server of this host is known for bridge br1: there is no \S+br1.status/),
    ]);
  });

  it.each([
    ['<network/>', 'network "default" has no bridge'],
    ['<network><bridge name=""/></network>', '"" is not a valid bridge name'],
    ['not XML', 'is not a libvirt network'],
    ['<!DOCTYPE x [<!ENTITY a "b">]><network/>', 'is not a libvirt network'],
  ])('a network that is %s is told', async (text, why) => {
    await run(NETWORK);
    file('etc/libvirt/qemu/networks/default.xml', text);
    expect(await ask()).toEqual({ interfaces: [], notes: [expect.stringContaining(why)] });
  });

  it('a list that is none, too long, or no file at all is an error that names it', async () => {
    await run(BRIDGE);
    const path = file('var/lib/libvirt/dnsmasq/xenbr0.status', '{"leases": []}');
    const bad = (why: string): object => ({
      code: 'E_SYSTEM_DHCP_LEASES',
      message: expect.stringContaining(`${path} ${why}`) as string,
      data: { path },
    });
    await expect(ask()).rejects.toMatchObject(bad('is not a list of leases'));
    writeFileSync(path, ' '.repeat(4 * 1024 * 1024 + 1));
    await expect(ask()).rejects.toMatchObject(bad('cannot be read: it has'));
    execFileSync('sh', ['-c', `rm "${path}" && mkfifo "${path}"`]);
    await expect(ask()).rejects.toMatchObject(bad('cannot be read: it is not a plain file'));
    execFileSync('sh', ['-c', `rm "${path}" && mkdir "${path}"`]);
    await expect(ask()).rejects.toMatchObject(bad('cannot be read: it is not a plain file'));
    execFileSync('sh', ['-c', `rmdir "${path}" && ln -s xenbr0.status "${path}"`]);
    await expect(ask()).rejects.toMatchObject(bad('cannot be read: ELOOP'));
  });

  it('of a domain that runs only, and never of domain 0', async () => {
    await define(local.host, guestXml({ name: 'idle', mib: 8 }), { validate: true, signal: never });
    const request = { now: NOW, signal: never };
    await expect(interfaceAddresses(local.host, 'idle', request)).rejects.toMatchObject({
      code: 'E_REFUSED_NOT_RUNNING',
    });
    await expect(interfaceAddresses(local.host, '0', request)).rejects.toMatchObject({ code: 'E_REFUSED_DOMAIN0' });
    const stopped = new Error('stopped');
    await run(BRIDGE);
    await expect(interfaceAddresses(local.host, 'web1', { now: NOW, signal: AbortSignal.abort(stopped) })).rejects.toBe(
      stopped,
    );
  });
});
