import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { guestXml, TwoHosts, type TestHost } from '../support/hosts.js';
import { run } from '../support/program.js';

let hosts: TwoHosts;
let file: string;
beforeEach(async () => {
  hosts = await TwoHosts.make();
  file = join(hosts.root, 'xenferry.conf');
});
afterEach(async () => {
  await hosts[Symbol.asyncDispose]();
});

const configured = (...lines: string[]): void => writeFileSync(file, `${lines.join('\n')}\n`);

function xmlFile(name: string): string {
  const path = join(hosts.root, `${name}.xml`);
  const disk = "<disk type='file'><source file='/srv/shared.img'/><target dev='xvda' bus='xen'/></disk>";
  const xml = guestXml({ name, mib: 8, workload: "dirtyMiBPerSecond='1'" });
  writeFileSync(path, xml.replace('</os>', `</os><devices>${disk}</devices>`));
  return path;
}

it(
  'S04 S08 S28: one file has aliases and certificates, and all of its mistakes are told with their lines',
  { timeout: 120_000 },
  async () => {
    const { a, b } = hosts;
    await b.serve();
    configured(
      `uri_default = "here"`,
      `uri_aliases = ["here=${a.uri}", "there=xen+tls://${b.address}/system"]`,
      `tls_dir = "${hosts.tlsDir}"`,
    );
    const bare = (...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
      run(['--config-file', file, ...words]);
    expect(await bare('config-check')).toMatchObject({ code: 0, stdout: `${file}: no mistakes\n` });
    await a.create(guestXml({ name: 'web1', mib: 8, workload: "dirtyMiBPerSecond='1'" }));
    // S28: what a peer can do is told before anything begins.
    const peer = await bare('version', '--peer', 'there', '--json');
    expect(JSON.parse(peer.stdout)).toMatchObject({
      software: expect.stringMatching(/^xenferry\//) as string,
      features: expect.arrayContaining(['migration-v3', 'migration-params', 'migration-p2p']) as string[],
      streamVersions: [2],
    });
    expect(await bare('migrate', '--live', '--dname', 'a/b', 'web1', 'there')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('E_USAGE_DOMAIN_NAME') as string,
    });
    expect(await bare('migrate', '--live', 'web1', 'there', '--progress', 'none')).toMatchObject({ code: 0 });
    expect(await b.list()).toMatchObject([{ name: 'web1', state: 'running' }]);

    // S04: what cannot be made is an error that names it, and nothing was begun.
    configured('log_dir = "/proc/nothing"');
    expect(await a.run('--config-file', file, 'list')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/E_SYSTEM_LOG_DIR: .*\/proc\/nothing.*ENOENT/) as string,
    });
    configured('lock_manager = "file"', `lease_dir = "${hosts.root}/not-mounted"`);
    expect(await a.run('--config-file', file, 'serve', '--tls-dir', hosts.tlsDir)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/E_SYSTEM_LEASES: .*not-mounted.*ENOENT/) as string,
    });
    configured('log_level = "loud"', 'hook_dir = "/x"', '', 'lock_manager = "file"');
    const { code, stderr } = await bare('list');
    expect([code, stderr]).toEqual([2, expect.stringContaining(`${file}:1: log_level`)]);
    const checked = await bare('config-check', '--json');
    expect(checked.code).toBe(2);
    expect(JSON.parse(checked.stdout)).toMatchObject({ mistakes: [{ line: 1 }, { line: 2 }] });
  },
);

it(
  'two hosts that share a folder of leases cannot both start a guest on one disk; a migration takes it along',
  { timeout: 180_000 },
  async () => {
    const { a, b } = hosts;
    const leases = join(hosts.root, 'leases');
    mkdirSync(leases);
    configured('lock_manager = "file"', `lease_dir = "${leases}"`);
    const on = (host: TestHost, ...words: string[]): ReturnType<TestHost['run']> =>
      host.run('--config-file', file, ...words);
    const must = async (host: TestHost, ...words: string[]): Promise<void> => {
      const { code, stderr } = await on(host, ...words);
      expect([words.join(' '), code, stderr]).toEqual([words.join(' '), 0, expect.anything()]);
    };

    const [first, second] = await Promise.all([on(a, 'create', xmlFile('web1')), on(b, 'create', xmlFile('web2'))]);
    expect([first.code, second.code].sort()).toEqual([0, 3]);
    const refused = first.code === 3 ? first : second;
    expect(refused.stderr).toMatch(/E_REFUSED_LEASE: disk \/srv\/shared\.img of web\d is in use by web\d/);
    expect(refused.stderr).toContain('--force-lease');
    // The rest is told of a.
    if (first.code === 3) {
      await must(b, 'destroy', 'web2');
      await must(a, 'create', xmlFile('web1'));
    }

    await b.serve('--config-file', file);
    const moved = await on(a, ...a.migrateWords('web1', b));
    expect([moved.code, moved.stderr]).toEqual([0, expect.anything()]);
    expect(await on(a, 'create', xmlFile('web3'))).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('in use by web1') as string,
    });
    // Its host dies for good, as far as a can tell.
    await must(a, 'define', xmlFile('web4'));
    const forced = await on(a, 'start', 'web4', '--force-lease');
    expect([forced.code, forced.stderr]).toEqual([0, expect.stringContaining('taken by force from web1')]);
    expect(await on(b, 'create', xmlFile('web5'))).toMatchObject({ code: 3 });
    expect((await on(a, 'logs')).stdout).toContain('taken by force from web1');
  },
);

it(
  'serve without allow accepts no guest and prints how to name hosts; a named one may send',
  { timeout: 120_000 },
  async () => {
    const { a, b } = hosts;
    configured('# no allow');
    await b.serveAllowed('--config-file', file);
    await expect.poll(() => b.serverLog).toMatch(/no host may send guests over TLS: .*--allow NAME.*allow = \["NAME"/);
    await a.create(guestXml({ name: 'web1', mib: 8, workload: "dirtyMiBPerSecond='1'" }));
    const refused = await a.migrate('web1', b);
    expect(refused.result).toMatchObject({ result: 'failed' });
    expect(refused.stderr).toContain('E_REFUSED_NOT_ALLOWED');
    expect(refused.stderr).toMatch(/To allow it, add \\?"127\.0\.0\.1\\?" to allow/);
    expect(await b.list()).toEqual([]);
    await b.stop();
    configured('allow = ["127.0.0.1"]');
    await b.serveAllowed('--config-file', file);
    expect((await a.migrate('web1', b)).result).toMatchObject({ result: 'done' });
  },
);
