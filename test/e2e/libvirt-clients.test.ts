import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guestXml, TwoHosts } from '../support/hosts.js';

/* Stock clients of libvirt against an embedded host: «skipped» where Debian's libvirt-clients or python3-libvirt are not there. */

const hasVirsh = existsSync('/usr/bin/virsh');
const hasPython = existsSync('/usr/lib/python3/dist-packages/libvirt.py');
const LONG_MS = 120_000;

let hosts: TwoHosts;
let socket: string;
let uri: string;

beforeAll(async () => {
  hosts = await TwoHosts.make();
  socket = join(hosts.root, 'virt');
  uri = `xen+unix:///system?socket=${socket}`;
  await hosts.a.serve('--libvirt-socket', socket);
});
afterAll(async () => {
  await hosts[Symbol.asyncDispose]();
});

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function runProgram(program: string, words: readonly string[]): Promise<Said> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, LC_ALL: 'C' }, timeout: LONG_MS };
    execFile(program, words, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

const virsh = (...words: string[]): Promise<Said> => runProgram('/usr/bin/virsh', ['-c', uri, ...words]);

async function must(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await virsh(...words);
  expect(code, `virsh ${words.join(' ')}: ${stderr}`).toBe(0);
  return stdout;
}

describe.skipIf(!hasVirsh)('virsh, as Debian has it', () => {
  it('takes a domain from its definition to its end', { timeout: LONG_MS * 5 }, async () => {
    const file = join(hosts.root, 'guest.xml');
    writeFileSync(file, guestXml());
    expect(await must('define', file)).toContain("Domain 'guest' defined");
    expect(await must('list', '--all')).toMatch(/-\s+guest\s+shut off/);
    expect(await must('start', 'guest')).toContain("Domain 'guest' started");
    expect(await must('domstate', 'guest', '--reason')).toContain('running (booted)');
    expect(await must('dominfo', 'guest')).toMatch(/OS Type: +xenpvh[\s\S]*Persistent: +yes/);
    expect(await must('domstats', 'guest')).toMatch(/state\.state=1[\s\S]*balloon\.maximum=32768/);
    expect(await must('vcpuinfo', 'guest')).toMatch(/State: +running/);
    expect(await must('vcpucount', 'guest')).toMatch(/maximum +live +1/);
    expect(await must('schedinfo', 'guest', '--weight', '300')).toMatch(/weight +: 300/);
    expect(await must('setmem', 'guest', '20M', '--live')).toBe('\n');
    expect(await must('suspend', 'guest')).toContain('suspended');
    expect(await must('resume', 'guest')).toContain('resumed');
    expect(await must('dumpxml', 'guest')).toContain('<name>guest</name>');
    expect(await must('domxml-to-native', 'xen-xl', '--domain', 'guest')).toContain('name = "guest"');
    expect(await must('autostart', 'guest')).toContain('marked as autostarted');
    const saved = join(hosts.root, 'guest.save');
    expect(await must('save', 'guest', saved)).toContain(`saved to ${saved}`);
    expect(await must('restore', saved)).toContain(`restored from ${saved}`);
    expect(await must('managedsave', 'guest')).toContain('state saved');
    expect(await must('list', '--all', '--managed-save')).toMatch(/-\s+guest\s+saved/);
    expect(await must('start', 'guest')).toContain('started');
    expect(await must('destroy', 'guest')).toContain('destroyed');
    expect(await must('undefine', 'guest')).toContain('undefined');
    expect(await must('list', '--all')).not.toContain('guest');
  });

  it('reads what the host is', { timeout: LONG_MS * 2 }, async () => {
    expect(await must('capabilities')).toContain('<capabilities>');
    expect(await must('domcapabilities')).toContain('<domainCapabilities>');
    expect(await must('nodeinfo')).toMatch(/CPU\(s\): +\d/);
    expect(await must('nodecpumap')).toMatch(/CPUs present: +\d/);
    expect(await must('freecell')).toMatch(/Total: +\d+ KiB/);
    expect(await must('version')).toContain('Using API: Xen');
    expect(await must('uri')).toContain(uri);
  });

  it('reads an error of ours as one of libvirt', { timeout: LONG_MS }, async () => {
    const none = await virsh('dominfo', 'nobody');
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("failed to get domain 'nobody'")]);
    const flags = await virsh('undefine', 'nobody', '--nvram');
    expect(flags.code).toBe(1);
    const file = join(hosts.root, 'bad.xml');
    writeFileSync(file, guestXml({ name: 'bad' }).replace('<vcpu>1<', '<vcpu>none<'));
    expect((await virsh('define', file)).stderr).toMatch(/error: .*vcpu/);
  });

  it('may look and change nothing over the read-only socket', { timeout: LONG_MS }, async () => {
    await hosts.a.create(guestXml({ name: 'kept' }));
    const over = (...words: string[]): Promise<Said> =>
      runProgram('/usr/bin/virsh', ['-c', `xen+unix:///system?socket=${socket}-ro`, ...words]);
    expect((await over('list')).stdout).toContain('kept');
    const denied = await over('destroy', 'kept');
    await hosts.a.must('destroy', 'kept');
    expect([denied.code, denied.stderr]).toEqual([1, expect.stringContaining('the connection is read-only')]);
  });

  it('prints the events of a domain', { timeout: LONG_MS }, async () => {
    const words = ['-c', uri, 'event', '--event', 'lifecycle', '--loop', '--timeout', '100'];
    const watching = spawn('stdbuf', ['-oL', '/usr/bin/virsh', ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    const sawBoth = new Promise<void>((resolve) => {
      watching.stdout.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
        if (/Started[\s\S]*Stopped/.test(printed)) resolve();
      });
    });
    // It prints nothing when it listens: guests are started until one has been seen.
    const from = performance.now();
    while (!printed.includes('Stopped') && performance.now() - from < LONG_MS / 2) {
      await hosts.a.create(guestXml({ name: 'seen' }));
      await hosts.a.must('destroy', 'seen');
    }
    await sawBoth;
    watching.kill('SIGTERM');
    await once(watching, 'close');
    expect(printed).toMatch(/event 'lifecycle' for domain 'seen': Started Booted/);
  });
});

describe.skipIf(!hasPython)('python3-libvirt, as Debian has it', () => {
  it('lists, looks, is refused, and hears an event', { timeout: LONG_MS }, async () => {
    const script = `
import libvirt, sys
libvirt.virEventRegisterDefaultImpl()
libvirt.registerErrorHandler(lambda *a: None, None)
c = libvirt.open(sys.argv[1])
heard = []
c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lambda c, d, e, i, o: heard.append((d.name(), e)), None)
d = c.createXML(open(sys.argv[2]).read())
while not heard: libvirt.virEventRunDefaultImpl()
print(heard[0], d.state()[0], d.info()[1], [x.name() for x in c.listAllDomains()], c.getType(), c.getInfo()[2])
for s in c.getAllDomainStats(): print(sorted(s[1])[:2])
try: c.lookupByName('nobody')
except libvirt.libvirtError as e: print(e.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN)
print([c.listAllStoragePools(), c.listAllNetworks()])
d.destroy()
c.close()
`;
    const file = join(hosts.root, 'py.xml');
    writeFileSync(file, guestXml({ name: 'py' }));
    const { code, stdout, stderr } = await runProgram('/usr/bin/python3', ['-c', script, uri, file]);
    expect(code, stderr).toBe(0);
    const [first, stats, noDomain, empty] = stdout.trim().split('\n');
    expect(first).toMatch(/^\('py', 2\) 1 32768 \['py'\] Xen \d+$/);
    expect(stats).toBe("['balloon.current', 'balloon.maximum']");
    expect([noDomain, empty]).toEqual(['True', '[[], []]']);
  });
});
