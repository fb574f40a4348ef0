import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { guestXml, TwoHosts } from '../support/hosts.js';

let hosts: TwoHosts;
beforeEach(async () => {
  hosts = await TwoHosts.make();
});
afterEach(async () => {
  await hosts[Symbol.asyncDispose]();
});

function write(name: string, text: string): string {
  const path = join(hosts.root, name);
  writeFileSync(path, text);
  return path;
}

it('a domain from its definition to its end, by the verbs alone', async () => {
  const { a } = hosts;
  const xml = guestXml({ name: 'web1', mib: 16 }).replace('<vcpu>1<', '<vcpu>2<');
  expect(await a.must('define', '--validate', write('web1.xml', xml))).toMatch(/^Domain web1 defined from /);
  expect(await a.must('list')).not.toContain('web1');
  expect(await a.must('list', '--all', '--no-autostart', '--persistent', '--name')).toBe('web1\n');
  await a.must('autostart', 'web1');
  expect(await a.must('list', '--inactive', '--autostart', '--uuid')).toMatch(/^[0-9a-f-]{36}\n$/);
  await a.must('setvcpus', 'web1', '1', '--config');
  await a.must('setmem', 'web1', '8M', '--config');
  expect(await a.must('start', 'web1')).toMatch(/^Domain web1 started, id \d+, running/);
  expect(await a.must('vcpucount', 'web1')).toBe(
    ['maximum config 2', 'maximum live 2', 'current config 1', 'current live 1']
      .map((line) =>
        line.replace(/(\w+) (\w+) /, (_, which: string, of: string) => `${which.padEnd(12)} ${of.padEnd(12)} `),
      )
      .join('\n') + '\n',
  );
  expect(await a.must('domstate', '--reason', 'web1')).toBe('running (booted)\n');
  await a.must('managedsave', 'web1', '--progress', 'none');
  const refused = await a.run('undefine', 'web1');
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('E_REFUSED_MANAGED_SAVE') as string });
  expect(await a.must('start', 'web1')).toContain('started from its saved state');
  expect(await a.must('shutdown', 'web1', '--mode', 'paravirt')).toContain('asked by paravirt');
  await a.must('destroy', 'web1');
  await a.must('undefine', 'web1');
  expect(await a.must('list', '--all', '--json')).toBe('[]\n');
});

it('L09: dompmsuspend and dompmwakeup, and what refuses a guest in between', async () => {
  const { a } = hosts;
  await a.must('create', write('web1.xml', guestXml({ name: 'web1', mib: 16 })));
  expect(await a.must('dompmsuspend', 'web1', 'mem', '--duration', '0')).toBe('Domain web1 successfully suspended\n');
  expect(await a.must('list')).toContain('pmsuspended');
  expect(await a.run('save', 'web1', join(hosts.root, 'web1.save'))).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('dompmwakeup web1') as string,
  });
  expect((await a.run('dompmsuspend', 'web1', '--target', 'disk')).code).toBe(3);
  const moon = await a.run('dompmsuspend', 'web1', 'moon');
  expect(moon).toMatchObject({ code: 2, stderr: expect.stringContaining('E_USAGE_PM_SUSPEND') as string });
  expect(await a.must('dompmwakeup', 'web1')).toBe('Domain web1 successfully woken up\n');
  expect(await a.must('domstate', '--reason', 'web1')).toBe('running (wakeup)\n');
});

it('L10: metadata, title and description stay with a guest that is saved, restored and migrated', async () => {
  const { a, b } = hosts;
  await a.must('create', write('web1.xml', guestXml({ name: 'web1', mib: 16 })));
  const uri = 'http://example.org/app';
  const set = ['metadata', 'web1', uri, '--key', 'app', '--set', '<owner>ops</owner>', '--live'];
  expect(await a.must(...set)).toBe('Metadata modified\n');
  expect(await a.must('desc', 'web1', '--title', 'Web', 'server')).toBe('Domain title updated successfully\n');
  expect(await a.must('desc', 'web1')).toBe('No description for domain: web1\n');
  const file = join(hosts.root, 'web1.save');
  await a.must('save', 'web1', file);
  await a.must('restore', file);
  await b.serve();
  await a.migrate('web1', b);
  expect(await b.must('metadata', 'web1', uri)).toBe('<owner>ops</owner>\n');
  expect(await b.must('desc', 'web1', '--title')).toBe('Web server\n');
  expect(await b.must('metadata', 'web1', uri, '--remove')).toBe('Metadata removed\n');
  expect(await b.run('metadata', 'web1', uri)).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('E_REFUSED_NO_METADATA') as string,
  });
  expect((await b.run('metadata', 'web1', uri, '--set', '<a/>')).code).toBe(2);
});

it('S50: migrate --persistent --undefinesource over one encrypted connection', async () => {
  const { a, b } = hosts;
  await a.must('define', write('web1.xml', guestXml({ name: 'web1', mib: 16 })));
  await a.must('start', 'web1');
  await b.serve();
  const { result } = await a.migrate('web1', b, '--p2p', '--tunnelled', '--persistent', '--undefinesource');
  expect(result).toMatchObject({ result: 'done', persistent: true, warnings: [] });
  expect(await a.must('list', '--all', '--json')).toBe('[]\n');
  expect(await b.list()).toMatchObject([{ name: 'web1', state: 'running', persistent: true }]);
});

it('S20, S41, S48: domblkstat, domifstat and dommemstat, for people and for scripts', async () => {
  const { a } = hosts;
  const devices = `<devices>
    <disk type='block' device='disk'><driver name='phy'/><source dev='/dev/vg/root'/><target dev='xvda'/></disk>
    <interface type='bridge'><mac address='00:16:3e:00:00:0a'/><source bridge='br0'/></interface></devices>`;
  await a.create(guestXml({ name: 'web1', mib: 8 }).replace('</domain>', `${devices}</domain>`));
  const id = (await a.must('domid', 'web1')).trim();
  const kernel = join(a.dir, 'kernel');
  const counters = join(kernel, 'sys/bus/xen-backend/devices', `vbd-${id}-51712`, 'statistics');
  mkdirSync(counters, { recursive: true });
  for (const [index, name] of ['f_req', 'wr_req', 'rd_req', 'wr_sect', 'rd_sect', 'oo_req'].entries()) {
    writeFileSync(join(counters, name), `${index + 1}\n`);
  }
  expect(await a.must('domblkstat', 'web1', 'xvda')).toBe(
    ['rd_req 3', 'rd_bytes 2560', 'wr_req 2', 'wr_bytes 2048', 'flush_operations 1', 'errs 6']
      .map((line) => `xvda ${line}\n`)
      .join(''),
  );
  expect(await a.must('domblkstat', 'web1')).toContain('rd_req 3\n');
  expect(await a.must('domblkstat', 'web1', 'xvda', '--human')).toMatch(
    /^Device: xvda\n number of read operations: +3\n/,
  );
  expect(JSON.parse(await a.must('domblkstat', 'web1', '--json'))).toMatchObject({ device: null, rd_bytes: '2560' });
  const missing = await a.run('domblkstat', 'web1', 'xvdb');
  expect(missing).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('It has xvda.') as string });

  mkdirSync(join(kernel, 'proc/net'), { recursive: true });
  writeFileSync(join(kernel, 'proc/net/dev'), `  vif${id}.0: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n`);
  const stat = await a.must('domifstat', 'web1', '00:16:3e:00:00:0a');
  expect(stat.split('\n').slice(0, 5)).toEqual(
    ['rx_bytes 5', 'rx_packets 6', 'rx_errs 7', 'rx_drop 8', 'tx_bytes 1'].map((line) => `vif${id}.0 ${line}`),
  );
  expect(JSON.parse(await a.must('domifstat', 'web1', `vif${id}.0`, '--json'))).toMatchObject({ tx_drop: '4' });
  expect(await a.run('domifstat', 'web1', 'eth0')).toMatchObject({ code: 2 });

  expect(await a.must('dommemstat', 'web1')).toBe('actual 8192\navailable 8192\n');
  await a.must('setmem', 'web1', '6M', '--live');
  await expect
    .poll(() => a.must('dommemstat', 'web1', '--json'), { timeout: 20_000 })
    .toBe('{"memoryKiB":6144,"maxMemoryKiB":8192}\n');
});

it('S14, S21, S46, S47: devices come and go by the verbs, and move with their guest', async () => {
  const { a, b } = hosts;
  await a.must('define', write('web1.xml', guestXml({ name: 'web1', mib: 8 })));
  await a.must('start', 'web1');
  expect(await a.must('attach-disk', 'web1', '/dev/vg/data', 'xvdb', '--persistent')).toBe(
    'Domain web1: disk xvdb attached\n',
  );
  const card = "<interface type='bridge'><mac address='00:16:3e:00:00:0a'/><source bridge='br0'/></interface>";
  await a.must('attach-device', 'web1', write('card.xml', card), '--live');
  await a.must('attach-interface', 'web1', 'bridge', 'br1', '--mac', '00-16-3E-00-00-0B', '--config');
  await a.must('attach-device', 'web1', write('usb.xml', "<controller type='usb'/>"));
  expect(await a.must('domblklist', 'web1', '--details')).toBe(
    'Type   Device  Driver  Target  Source\nblock  disk    phy     xvdb    /dev/vg/data\n',
  );
  expect(JSON.parse(await a.must('domblklist', 'web1', '--inactive', '--json'))).toMatchObject([
    { target: 'xvdb', source: '/dev/vg/data', driver: null, format: 'raw' },
  ]);
  const id = (await a.must('domid', 'web1')).trim();
  const [headings, first] = (await a.must('domiflist', 'web1')).split('\n').map((line) => line.split(/ +/));
  expect(headings).toEqual(['Interface', 'Type', 'Source', 'Model', 'MAC']);
  expect(first).toEqual([`vif${id}.0`, 'bridge', 'br0', '-', '00:16:3e:00:00:0a']);
  expect(JSON.parse(await a.must('domiflist', 'web1', '--inactive', '--json'))).toMatchObject([
    { interface: null, source: 'br1', mac: '00:16:3e:00:00:0b' },
  ]);
  const twice = await a.run('attach-disk', 'web1', '/dev/vg/other', 'xvdb');
  expect(twice).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('target/@dev: target xvdb already exists') as string,
  });

  await b.serve('--config-file', write('b.conf', 'guest_paths = ["/dev/vg"]\n'));
  const { result } = await a.migrate('web1', b);
  expect(result).toMatchObject({ result: 'done' });
  expect(JSON.parse(await b.must('domblklist', 'web1', '--json'))).toMatchObject([{ target: 'xvdb', driver: 'phy' }]);
  expect(await b.must('dumpxml', 'web1')).toContain("<controller type='usb' index='0' model='qusb2' ports='8'/>");
  await b.must('detach-disk', 'web1', 'xvdb');
  await b.must('detach-interface', 'web1', 'bridge');
  await b.must('detach-device', 'web1', write('usb0.xml', "<controller type='usb' index='0'/>"));
  expect(JSON.parse(await b.must('domblklist', 'web1', '--json'))).toEqual([]);
  expect(JSON.parse(await b.must('domiflist', 'web1', '--json'))).toEqual([]);
  for (const [words, code, says] of [
    [['detach-disk', 'web1', 'xvdb'], 3, 'It has no disk at all.'],
    [['change-media', 'web1', 'hdc'], 2, 'no medium is given'],
    [['change-media', 'web1', 'hdc', '/a.iso', '--eject'], 2, '--eject takes no source'],
    [['attach-interface', 'web1', 'bridge'], 2, 'needs a source'],
    [['attach-interface', 'web1', 'bridge', 'br0', '--mac', 'x'], 2, '--mac x is not an address'],
    [['attach-disk', 'web1', '/a', 'xvdb', '--live', '--persistent'], 2, '--persistent excludes'],
  ] as const) {
    expect(await b.run(...words)).toMatchObject({ code, stderr: expect.stringContaining(says) as string });
  }
});

it('S35, L02: schedinfo, as virsh has it, and on the way to another host', async () => {
  const { a, b } = hosts;
  await a.must('define', write('web1.xml', guestXml({ name: 'web1', mib: 16 })));
  const lines = (scheduler: string, weight: string, cap: string): string =>
    `Scheduler      : ${scheduler}\nweight         : ${weight}\ncap            : ${cap}\n`;
  expect(await a.must('schedinfo', 'web1')).toBe(lines('-', '-', '-'));
  expect(await a.must('schedinfo', 'web1', '--weight', '512')).toBe(lines('-', '512', '-'));
  await a.must('start', 'web1');
  expect(await a.must('schedinfo', 'web1')).toBe(lines('credit2', '512', '0'));
  expect(await a.must('schedinfo', '--set', 'cap=50', '--set', 'weight=500', 'web1')).toBe(
    lines('credit2', '500', '50'),
  );
  expect(JSON.parse(await a.must('schedinfo', 'web1', '--cap', '100', '--json'))).toEqual({
    scheduler: 'credit2',
    weight: 500,
    cap: 100,
  });
  for (const [words, code, said] of [
    [['--set'], 2, 'Not enough arguments following: set'],
    [['--cap', '-1'], 2, 'invalid cap -1'],
    [['--cap', '101'], 3, 'a cap of 101 exceeds'],
  ] as const) {
    const run = await a.run('schedinfo', 'web1', ...words);
    expect(run, words.join(' ')).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(said) as string });
  }
  await b.serve();
  const { result } = await a.migrate('web1', b, '--persistent', '--undefinesource');
  expect(result).toMatchObject({ result: 'done' });
  expect(await b.must('schedinfo', 'web1')).toBe(lines('credit2', '500', '100'));
  expect(await b.must('schedinfo', 'web1', '--config')).toBe(lines('-', '512', '-'));
});

it('S05: domifaddr, for people and for scripts', async () => {
  const { a } = hosts;
  const devices = `<devices>
    <interface type='bridge'><mac address='00:16:3e:00:00:0a'/><source bridge='virbr0'/></interface>
    <interface type='bridge'><mac address='00:16:3e:00:00:0b'/><source bridge='br1'/></interface></devices>`;
  await a.create(guestXml({ name: 'web1', mib: 8 }).replace('</domain>', `${devices}</domain>`));
  const id = (await a.must('domid', 'web1')).trim();
  const none = await a.run('domifaddr', 'web1', '--json');
  expect(none).toMatchObject({ code: 0, stdout: '[]\n' });
  expect(none.stderr).toContain('virbr0.status');
  const folder = join(a.dir, 'files/var/lib/libvirt/dnsmasq');
  mkdirSync(folder, { recursive: true });
  const leases = ['192.168.122.7', '2001:db8::7'].map((address) => ({
    'ip-address': address,
    'mac-address': '00:16:3e:00:00:0a',
    'expiry-time': 4_000_000_000,
  }));
  writeFileSync(join(folder, 'virbr0.status'), JSON.stringify(leases));
  writeFileSync(join(folder, 'br1.status'), '');
  const table = (await a.must('domifaddr', 'web1')).split('\n').map((line) => line.split(/ {2,}/));
  expect(table).toEqual([
    ['Name', 'MAC address', 'Protocol', 'Address'],
    [`vif${id}.0`, '00:16:3e:00:00:0a', 'ipv4', '192.168.122.7'],
    ['-', '-', 'ipv6', '2001:db8::7'],
    [''],
  ]);
  expect(await a.must('domifaddr', 'web1', '--full', '--source', 'lease')).toMatch(/0a +ipv6 +2001:db8::7\n$/);
  expect(await a.must('domifaddr', 'web1', '--interface', `vif${id}.1`)).toBe('Name  MAC address  Protocol  Address\n');
  expect(JSON.parse(await a.must('domifaddr', 'web1', '--json'))).toEqual([
    {
      interface: `vif${id}.0`,
      mac: '00:16:3e:00:00:0a',
      addresses: [
        { type: 'ipv4', address: '192.168.122.7', prefix: null },
        { type: 'ipv6', address: '2001:db8::7', prefix: null },
      ],
    },
  ]);
  const refused = await a.run('domifaddr', 'web1', '--source', 'agent');
  expect(refused).toMatchObject({
    code: 3,
    stdout: '',
    stderr: expect.stringContaining('unsupported IP address data source') as string,
  });
  writeFileSync(join(folder, 'br1.status'), 'x');
  const broken = await a.run('domifaddr', 'web1');
  expect(broken).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('br1.status is no') as string });
});
