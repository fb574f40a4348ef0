import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { Hooks } from '../../../../src/host/hooks/hooks.js';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { dumpXml } from '../../../../src/operations/lifecycle/details.js';
import { endDomain } from '../../../../src/operations/running/stop-domain.js';
import type { Migrated } from '../../../../src/migration/migrate.js';
import { reconnect } from '../../../../src/operations/watch/reconnect.js';
import type { DomainInfo } from '../../../../src/toolstack/toolstack.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never } from '../../../support/local-host.js';
import { moveBetween } from '../../../support/moving.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0003';

/** An embedded host with hooks, which write what they are told into `calls`. */
class Hooked implements AsyncDisposable {
  private constructor(readonly local: LocalHost) {}

  static async make(timeMs = 20_000): Promise<Hooked> {
    const dir: { path: string } = { path: '/nonexistent' };
    const log: string[] = [];
    const hooks = new Hooks({
      get dir() {
        return dir.path;
      },
      environment: { LC_ALL: 'C', PATH: '/usr/bin:/bin', SEEN: 'yes' },
      timeMs,
      log: (line) => log.push(line),
    });
    const made = new Hooked(await LocalHost.make({ participants: [hooks] }));
    dir.path = made.local.path('hooks');
    mkdirSync(made.local.path('hooks', 'libxl.d'), { recursive: true });
    made.warnings = log;
    return made;
  }

  warnings: string[] = [];

  get host(): LocalHost['host'] {
    return this.local.host;
  }

  path(name: string): string {
    return this.local.path('hooks', name);
  }

  /** Puts a script there; it sees CALLS, the file of all calls. */
  script(name: string, body: string, mode = 0o755): void {
    writeFileSync(this.path(name), `#!/bin/sh\nCALLS=${this.path('calls')}\n${body}\n`);
    chmodSync(this.path(name), mode);
  }

  /** The calls since the last look. */
  take(): string[] {
    if (!existsSync(this.path('calls'))) return [];
    const lines = readFileSync(this.path('calls'), 'utf8').trim().split('\n');
    writeFileSync(this.path('calls'), '');
    return lines.filter((line) => line !== '');
  }

  /** The next call that may fail that way does. */
  fault(fault: string): void {
    writeFileSync(this.local.path('faults.json'), JSON.stringify([{ fault, count: 1 }]));
  }

  create(): Promise<DomainInfo> {
    const xml = guestXml({ name: 'web1', uuid: UUID, mib: 8 }).replace(
      '</os>',
      "</os><devices><graphics type='vnc' passwd='hidden'/></devices>",
    );
    return createDomain(this.host, xml, { paused: false, validate: false, signal: never }).then(({ info }) => info);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.local[Symbol.asyncDispose]();
  }
}

const RECORD = 'cat >/dev/null; echo "$@" >> $CALLS';

describe('S24: hooks', () => {
  let a: Hooked;
  beforeEach(async () => {
    a = await Hooked.make();
    a.script('libxl', RECORD);
  });
  afterEach(async () => {
    await a[Symbol.asyncDispose]();
  });

  it('are called in order when a domain starts and ends', async () => {
    const info = await a.create();
    expect(a.take()).toEqual(['web1 prepare begin -', 'web1 start begin -', 'web1 started begin -']);
    await endDomain(a.host, info, 'destroyed');
    expect(a.take()).toEqual(['web1 stopped end -', 'web1 release end -']);
  });

  it('are told of a start that fails in the toolstack, and clean up', async () => {
    a.fault('no-memory');
    await expect(a.create()).rejects.toMatchObject({ code: 'E_TOOLSTACK_NO_MEMORY' });
    expect(a.take()).toEqual([
      'web1 prepare begin -',
      'web1 start begin -',
      'web1 stopped end -',
      'web1 release end -',
    ]);
  });

  it('are never called for domain 0, whoever asks', async () => {
    const domain = parseDomainXml(guestXml({ name: 'web1', mib: 8 }));
    const hooks = new Hooks({ dir: a.path('.'), environment: {}, timeMs: 1000, log: () => undefined });
    for (const dom0 of [
      { ...domain, name: 'Domain-0' },
      { ...domain, uuid: '00000000-0000-0000-0000-000000000000' },
    ]) {
      const { uuid, name } = dom0;
      await hooks.prepare({ domain: dom0, how: 'booted' }, never);
      await hooks.start({ domain: dom0, how: 'booted' }, never);
      expect(await hooks.arriving(dom0, never)).toBeUndefined();
      await hooks.stopped({ uuid, name, domid: 0, domain: dom0, reason: 'destroyed' });
      await hooks.release({ uuid, name, domid: 0, domain: dom0, reason: 'destroyed' });
    }
    expect(a.take()).toEqual([]);
    await hooks.prepare({ domain, how: 'booted' }, never);
    expect(a.take()).toEqual(['web1 prepare begin -']);
  });

  it('L19: those of the folder come behind, by name, and what is not executable is none', async () => {
    a.script('libxl.d/20-b', RECORD.replace('"$@"', 'b "$@"'));
    a.script('libxl.d/10-a', RECORD.replace('"$@"', 'a "$@"'));
    a.script('libxl.d/README', 'exit 1', 0o644);
    await a.create();
    expect(a.take().slice(0, 3)).toEqual(['web1 prepare begin -', 'a web1 prepare begin -', 'b web1 prepare begin -']);
  });

  it.each(['prepare', 'start', 'started'])(
    'one that fails at %s stops the start, and nothing is left',
    async (operation) => {
      a.script('libxl', `${RECORD}; [ "$2" != ${operation} ] || { echo 'the storage is away' >&2; exit 7; }`);
      await expect(a.create()).rejects.toMatchObject({
        code: 'E_HOOK_FAILED',
        message: expect.stringMatching(/exit code 7 .*web1: the storage is away/) as string,
      });
      expect(await a.host.toolstack.list()).toEqual([]);
      expect(a.take().slice(-2)).toEqual(['web1 stopped end -', 'web1 release end -']);
    },
  );

  it.each(['stopped', 'release'])('one that fails at %s is only logged', async (operation) => {
    a.script('libxl', `${RECORD}; [ "$2" != ${operation} ]`);
    const info = await a.create();
    a.take();
    await endDomain(a.host, info, 'destroyed');
    expect(a.take()).toEqual(['web1 stopped end -', 'web1 release end -']);
  });

  it('read the definition, without passwords, in an environment of few variables', async () => {
    a.script(
      'libxl',
      `[ "$2" = prepare ] && { cat > ${a.path('xml')}; env > ${a.path('env')}; pwd > ${a.path('pwd')}; } || cat >/dev/null`,
    );
    await a.create();
    const xml = readFileSync(a.path('xml'), 'utf8');
    expect(xml).toContain('<name>web1</name>');
    expect(xml).not.toContain('hidden');
    const variables = readFileSync(a.path('env'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(variables.sort().filter((name) => !['PWD', '_', 'SHLVL', 'OLDPWD'].includes(name))).toEqual([
      'LC_ALL',
      'PATH',
      'SEEN',
    ]);
    expect(readFileSync(a.path('pwd'), 'utf8')).toBe('/\n');
  });

  it('need not read what they are given, nor end what they leave behind', async () => {
    a.script('libxl', 'exec 0<&-; sleep 300 & echo $! >> $CALLS; exit 0');
    await a.create();
    const [pid] = a.take();
    expect(() => process.kill(Number(pid), 0)).not.toThrow();
    for (const left of [pid, ...a.take()]) process.kill(Number(left), 'SIGKILL');
  });

  it('one that others may change is not run', async () => {
    a.script('libxl', RECORD, 0o777);
    await expect(a.create()).rejects.toMatchObject({ code: 'E_HOOK_UNSAFE' });
    expect(a.take()).toEqual([]);
  });

  it.each([
    ['the group may write to it', () => chmodSync(a.path('libxl'), 0o775), 'libxl'],
    ['others may write to its folder', () => chmodSync(a.path('libxl.d'), 0o777), 'libxl.d'],
    ['others may fill its folder, though it is sticky', () => chmodSync(a.path('.'), 0o1777), '.'],
    ...(process.geteuid?.() === 0
      ? ([
          ['it is of another user', () => chownSync(a.path('libxl'), 65534, 65534), 'libxl'],
          ['its folder is of another user', () => chownSync(a.path('libxl.d'), 65534, 65534), 'libxl.d'],
          ['it is a link to what another user has', () => linkTo(65534), 'elsewhere'],
        ] as const)
      : []),
  ] as const)('none is run where %s: the path, what is wrong and the remedy are told', async (_what, spoil, name) => {
    a.script('libxl.d/10', RECORD);
    spoil();
    const path = a.path(name).replace(/\/\.$/, '');
    await expect(a.create()).rejects.toMatchObject({
      code: 'E_HOOK_UNSAFE',
      message: expect.stringContaining(path) as string,
      hint: expect.stringMatching(/`ch(mod go-w|own -h 0) /) as string,
      data: { path },
    });
    expect(a.take()).toEqual([]);
  });

  function linkTo(uid: number): void {
    a.script('elsewhere', RECORD);
    chownSync(a.path('elsewhere'), uid, uid);
    symlinkSync(a.path('elsewhere'), a.path('libxl.d/20'));
  }

  it('find what lies beside them, by the name that they were called with', async () => {
    a.script('helper', 'echo helper >> $CALLS');
    a.script('libxl', 'cat >/dev/null; "$(dirname "$0")/helper"; basename "$0" >> $CALLS');
    await a.create();
    expect(a.take().slice(0, 2)).toEqual(['helper', 'libxl']);
  });

  it('a program that is no script is run, too', async () => {
    rmSync(a.path('libxl'));
    copyFileSync('/bin/true', a.path('libxl.d/true'));
    chmodSync(a.path('libxl.d/true'), 0o755);
    await a.create();
  });

  it('one that cannot be started has failed', async () => {
    writeFileSync(a.path('libxl'), '#!/no/such/interpreter\n');
    await expect(a.create()).rejects.toMatchObject({ code: 'E_HOOK_FAILED' });
  });

  it('S23: are told of domains that are found again', async () => {
    await a.create();
    a.take();
    await reconnect(a.host, { rebooted: false, signal: never });
    expect(a.take()).toEqual(['web1 reconnect begin -']);
  });

  it('S23: one that fails at reconnect ends the domain', async () => {
    await a.create();
    a.script('libxl', `${RECORD}; [ "$2" != reconnect ]`);
    await reconnect(a.host, { rebooted: false, signal: never });
    expect(await a.host.toolstack.list()).toEqual([]);
  });
});

it('S24: a hook that hangs is killed with all that it has started', async () => {
  await using a = await Hooked.make(200);
  a.script('libxl', '[ "$2" = prepare ] || exit 0; sleep 300 & echo $! >> $CALLS; wait');
  await expect(a.create()).rejects.toMatchObject({ code: 'E_DEADLINE_HOOK' });
  const [pid] = a.take();
  await expect
    .poll(() => existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ')[2] !== 'Z')
    .toBe(false);
  expect(await a.host.toolstack.list()).toEqual([]);
});

describe('S24: hooks of a migration', () => {
  let a: Hooked;
  let b: Hooked;
  beforeEach(async () => {
    a = await Hooked.make();
    b = await Hooked.make();
    a.script('libxl', RECORD);
    b.script('libxl', RECORD);
    await a.create();
    a.take();
  });
  afterEach(async () => {
    await a[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
  });

  const move = (dname?: string): Promise<Migrated> => moveBetween(a.local, b.local, { dname });

  it('are called in order on both sides, by the name that the guest has there', async () => {
    await move('web2');
    expect(b.take()).toEqual(
      ['migrate begin', 'prepare begin', 'start begin', 'started begin'].map((moment) => `web2 ${moment} -`),
    );
    expect(a.take()).toEqual(['web1 stopped end -', 'web1 release end -']);
  });

  it('a filter changes the definition, and the next one reads what it made', async () => {
    const retitle = (from: string, to: string): string =>
      `[ "$2" = migrate ] && sed 's#${from}#${to}#' || cat >/dev/null`;
    b.script('libxl', retitle('<name>web1</name>', '<name>web1</name><title>one</title>'));
    b.script('libxl.d/2', retitle('<title>one</title>', '<title>two</title>'));
    await move();
    const xml = await dumpXml(b.host, 'web1', { securityInfo: true });
    expect(xml).toContain('<title>two</title>');
    expect(xml).toContain('hidden'); // what it replaces is the whole definition
    expect(b.warnings).toEqual(['web1: its definition was rewritten by the migrate hook']);
  });

  it.each([
    ['another name', `sed 's#<name>web1#<name>web3#'`, 'E_HOOK_OUTPUT'],
    ['another UUID', `sed 's#${UUID}#${UUID.replace('0003', '0004')}#'`, 'E_HOOK_OUTPUT'],
    ['no XML', 'echo hello', 'E_HOOK_OUTPUT'],
    ['too much', 'yes', 'E_HOOK_OUTPUT'],
    ['a refusal', 'echo no >&2; exit 1', 'E_HOOK_FAILED'],
  ])('a filter that gives %s refuses the guest, and it runs on where it was', async (_what, body, code) => {
    b.script('libxl', `[ "$2" != migrate ] || { ${body}; }`);
    await expect(move()).rejects.toMatchObject({ code });
    expect(await a.host.toolstack.lookup('web1')).toMatchObject({ state: 'running' });
    expect(await b.host.toolstack.list()).toEqual([]);
    expect(a.take()).toEqual([]);
  });

  it('one that fails at started there ends the copy, and the guest runs on here', async () => {
    b.script('libxl', `${RECORD}; [ "$2" != started ]`);
    await expect(move()).rejects.toMatchObject({ code: 'E_HOOK_FAILED' });
    expect(b.take().slice(-2)).toEqual(['web1 stopped end -', 'web1 release end -']);
    expect(await a.host.toolstack.lookup('web1')).toMatchObject({ state: 'running' });
    expect(await b.host.toolstack.list()).toEqual([]);
  });
});
