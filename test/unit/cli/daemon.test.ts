import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ControlServer, type ControlServerOptions } from '../../../src/cli/daemon/control-server.js';
import { argvParsedByDaemon } from '../../../src/cli/daemon/remote-argv.js';
import { migrateOptionsOf } from '../../../src/cli/commands/migrate-options-of.js';
import { connectToDaemon } from '../../../src/cli/daemon/daemon-client.js';
import { DAEMON_SOCKET } from '../../../src/cli/daemon/control-messages.js';
import type { MigrateOptions, MigrateSession } from '../../../src/cli/migrate/options.js';
import { ownVersion } from '../../../src/api/process/version.js';
import { exitCodeOf } from '../../../src/cli/exit.js';
import type { Migrated } from '../../../src/migration/migrate.js';
import { MigrationError } from '../../../src/migration/migration-error.js';
import { RefusedError } from '../../../src/errors/errors.js';
import type { ProgressEvent } from '../../../src/source/report.js';

let dir: string;
let socket: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-daemon-'));
  socket = join(dir, DAEMON_SOCKET);
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const MIGRATED: Migrated = {
  domain: 'web1',
  place: 'destination',
  phase: 'confirm',
  cancelled: false,
  warnings: ['one'],
  runningThere: true,
  persistentThere: false,
  totalMs: 1000,
  rawBytes: 10,
  wireBytes: 5,
  transferMs: 900,
  rounds: 2,
  lanes: 1,
  transport: 'tls',
  reconnects: 0,
};

const OPTIONS: MigrateOptions = {
  connect: 'embedded:///nowhere',
  get stateDir() {
    return dir;
  },
  domain: 'web1',
  desturi: 'xen+tls://host2/system',
  live: true,
  suspend: false,
  persistent: false,
  undefinesource: false,
  'timeout-suspend': false,
  'timeout-cancel': false,
  unsafe: false,
  lanes: 1,
  compress: 'auto',
};

const ME = { home: '/home/me', user: 'me', uid: 7 } as const;

type Work = (options: MigrateOptions, session: MigrateSession) => Promise<Migrated>;

const noRendezvous = (): Promise<string> => Promise.reject(new Error('no rendezvous here'));

async function controlServer(
  migrate: Work,
  version = ownVersion(),
  uri = 'embedded:///nowhere',
  openRendezvous: ControlServerOptions['openRendezvous'] = noRendezvous,
): Promise<ControlServer> {
  const opened = await ControlServer.open(socket, {
    version,
    uri,
    migrate,
    parse: migrateOptionsOf,
    openRendezvous,
    log: () => undefined,
    abandon: new AbortController().signal,
  });
  if (opened === undefined) throw new Error('somebody else has the socket');
  return opened;
}

interface Told {
  readonly events: ProgressEvent[];
  readonly notices: string[];
}

function session(told: Told, more: Partial<MigrateSession> = {}): MigrateSession {
  const never = new AbortController().signal;
  return {
    environment: ME,
    askPassphrase: undefined,
    cancel: never,
    abandon: never,
    onProgress: (event) => told.events.push(event),
    onNotice: (text) => told.notices.push(text),
    ...more,
  };
}

async function order(more: Partial<MigrateSession> = {}, wantsProgress = true): Promise<Told & { migrated: Migrated }> {
  const told: Told = { events: [], notices: [] };
  using daemon = await connectToDaemon(OPTIONS);
  if (daemon === undefined) throw new Error('no daemon');
  return { ...told, migrated: await daemon.migrate(OPTIONS, session(told, more), wantsProgress) };
}

describe('a daemon that is given an order', () => {
  it("migrates for its client, with the client's keys, and reports progress", async () => {
    let seen: unknown;
    await using _server = await controlServer(async (options, { environment, onNotice, onProgress }) => {
      seen = { domain: options.domain, environment };
      onProgress({ type: 'phase', phase: 'perform' });
      for (let raw = 0; raw < 50; raw += 1) onProgress({ type: 'bytes', rawBytes: raw, wireBytes: raw });
      onNotice('look');
      return MIGRATED;
    });
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const { migrated, events, notices } = await order();
    expect(migrated).toEqual(MIGRATED);
    expect(seen).toEqual({ domain: 'web1', environment: { home: '/home/me', user: 'me', uid: 7 } });
    expect(notices).toEqual(['look']);
    expect(events[0]).toEqual({ type: 'phase', phase: 'perform' });
    expect(events.length).toBeLessThan(10); // bytes are told now and then
    expect((await order({}, false)).events).toEqual([]);
  });

  it('asks for a passphrase where somebody is there, and does without where nobody is', async () => {
    await using _server = await controlServer(async (_options, { askPassphrase, onNotice }) => {
      onNotice(askPassphrase === undefined ? 'nobody' : `${await askPassphrase('/key')}`);
      return MIGRATED;
    });
    expect((await order({ askPassphrase: (file) => Promise.resolve(`secret of ${file}`) })).notices).toEqual([
      'secret of /key',
    ]);
    expect((await order()).notices).toEqual(['nobody']);
  });

  it('F44: hears the wish to stop, and the second one', async () => {
    await using _server = await controlServer(async (_options, { cancel, abandon }) => {
      await fired(cancel);
      await fired(abandon);
      throw new MigrationError('E_ABORTED', (cancel.reason as Error).message, GUEST_AT_HOME, {});
    });
    const cancel = new AbortController();
    const abandon = new AbortController();
    const moved = order({ cancel: cancel.signal, abandon: abandon.signal });
    cancel.abort(new Error('stopped by SIGINT'));
    abandon.abort(new Error('once more'));
    const error: unknown = await moved.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'E_ABORTED', guest: 'source-running', message: 'stopped by SIGINT' });
    expect(exitCodeOf(error)).toBe(130);
  });

  it('what it refuses is refused with the same words and the same exit code', async () => {
    await using _server = await controlServer(() =>
      Promise.reject(new RefusedError('E_REFUSED_NO_DOMAIN', 'no domain web1', { hint: 'Look again.' })),
    );
    const error: unknown = await order().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'E_REFUSED_NO_DOMAIN', message: 'no domain web1', hint: 'Look again.' });
    expect(exitCodeOf(error)).toBe(3);
  });

  it('that ends in the middle leaves the guest in doubt for its client', async () => {
    let begun = (): void => undefined;
    const beginning = new Promise<void>((resolve) => (begun = resolve));
    const server = createServer((client) => {
      client.write(`${JSON.stringify({ say: 'hello', version: ownVersion(), uri: 'embedded:///nowhere' })}\n`);
      client.once('data', () => {
        begun();
        client.destroy();
      });
    });
    await listening(server);
    const error: unknown = await order().catch((reason: unknown) => reason);
    await beginning;
    expect(error).toMatchObject({ code: 'E_DAEMON_LOST', guest: 'in-doubt' });
    expect(exitCodeOf(error)).toBe(5);
    server.close();
  });

  it('that says nothing more is not waited for without end', async () => {
    const server = createServer((client) => {
      client.on('error', () => undefined);
      client.write(`${JSON.stringify({ say: 'hello', version: ownVersion(), uri: 'embedded:///nowhere' })}\n`);
    });
    await listening(server);
    using daemon = await connectToDaemon(OPTIONS, { lastWordMs: 50 });
    const abandon = AbortSignal.abort(new Error('once more'));
    const error: unknown = await daemon
      ?.migrate(OPTIONS, session({ events: [], notices: [] }, { abandon }), true)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'E_DAEMON_SILENT', guest: 'in-doubt' });
    server.close();
  });

  it('stops what it does when it ends itself, and says so', async () => {
    let begun = (): void => undefined;
    const beginning = new Promise<void>((resolve) => (begun = resolve));
    const opened = await controlServer(async (_options, { cancel }) => {
      begun();
      await fired(cancel);
      throw new MigrationError('E_ABORTED', (cancel.reason as Error).message, GUEST_AT_HOME, {});
    });
    const moved = order().catch((reason: unknown) => reason);
    await beginning;
    await opened[Symbol.asyncDispose]();
    expect(await moved).toMatchObject({ code: 'E_ABORTED', message: expect.stringContaining('daemon') as string });
  });

  it('F46: does not wait for a client that reads nothing when it ends', async () => {
    let asked: Promise<string | undefined> | undefined;
    let over = (): void => undefined;
    const done = new Promise<void>((resolve) => (over = resolve));
    const opened = await controlServer(async (_options, { onNotice, askPassphrase }) => {
      for (let line = 0; line < 100; line += 1) onNotice('x'.repeat(10_000)); // more than a socket holds
      over();
      asked = askPassphrase?.('/key');
      await asked;
      return MIGRATED;
    });
    const client = createConnection(socket);
    await once(client, 'connect');
    client.write(
      `${JSON.stringify({ say: 'migrate', options: OPTIONS, environment: ME, wantsProgress: true, canAsk: true })}\n`,
    );
    await done;
    client.end(); // says nothing more, and reads nothing
    expect(await asked).toBeUndefined();
    await opened[Symbol.asyncDispose]();
    client.destroy();
  });

  it('one of another release, for another host, or that is none, is left alone', async () => {
    expect(await connectToDaemon(OPTIONS)).toBeUndefined();
    for (const [version, uri] of [
      ['0.0.1', 'embedded:///nowhere'],
      [ownVersion(), 'xen:///system'],
    ]) {
      await using _server = await controlServer(() => Promise.resolve(MIGRATED), version, uri);
      expect(await connectToDaemon(OPTIONS)).toBeUndefined();
    }
    const server = createServer((client) => client.end('no json\n'));
    await listening(server);
    expect(await connectToDaemon(OPTIONS)).toBeUndefined();
    server.close();
  });

  it('is one alone on a host, and takes the place of one that was killed', async () => {
    const first = await controlServer(() => Promise.resolve(MIGRATED));
    expect(
      await ControlServer.open(socket, {
        version: '1',
        uri: '',
        migrate: () => Promise.resolve(MIGRATED),
        parse: migrateOptionsOf,
        openRendezvous: noRendezvous,
        log: () => undefined,
        abandon: new AbortController().signal,
      }),
    ).toBeUndefined();
    await first[Symbol.asyncDispose]();
    const server = createServer();
    await listening(server);
    // What a killed process leaves: a socket that nobody listens on.
    rmSync(socket);
    server.close();
    await using _second = await controlServer(() => Promise.resolve(MIGRATED));
    expect((await order()).migrated.domain).toBe('web1');
  });
});

describe('a daemon that takes over what came by ssh', () => {
  const peer = { transport: 'ssh', name: 'root@ssh', address: '192.0.2.1:22' } as const;
  const visitor = {
    peer,
    login: { user: 'root', keys: ['SHA256:x'] },
    config: { file: '/etc/xenferry/xenferry.conf', isNamed: false },
  };
  const idle: Work = () => Promise.resolve(MIGRATED);

  it('opens a rendezvous for a login that it lets in', async () => {
    const asked: unknown[] = [];
    await using _server = await controlServer(idle, ownVersion(), 'embedded:///nowhere', (who) => {
      asked.push(who);
      return Promise.resolve('/run/rendezvous');
    });
    using daemon = await connectToDaemon(OPTIONS);
    expect(await daemon?.openRendezvous(visitor)).toBe('/run/rendezvous');
    expect(asked).toMatchObject([visitor]);
  });

  it('refuses with its own words and exit code', async () => {
    await using _server = await controlServer(idle, ownVersion(), 'embedded:///nowhere', () =>
      Promise.reject(new RefusedError('E_REFUSED_NOT_ALLOWED', 'root may not', { hint: 'Ask.' })),
    );
    using daemon = await connectToDaemon(OPTIONS);
    const error: unknown = await daemon?.openRendezvous(visitor).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'E_REFUSED_NOT_ALLOWED', message: 'root may not', hint: 'Ask.' });
    expect(exitCodeOf(error)).toBe(3);
  });

  it('that ends meanwhile is told of as that', async () => {
    const server = createServer((client) => {
      client.write(`${JSON.stringify({ say: 'hello', version: ownVersion(), uri: 'embedded:///nowhere' })}\n`);
      client.once('data', () => client.destroy());
    });
    await listening(server);
    using daemon = await connectToDaemon(OPTIONS);
    await expect(daemon?.openRendezvous(visitor)).rejects.toMatchObject({ code: 'E_TUNNEL_CUT' });
    server.close();
  });
});

describe('a daemon that reads a command line for another process', () => {
  const words = ['migrate', '--live', '--deadline', 'save=9', 'web1', 'xen+tls://host2/system', '--bandwidth', '1.5'];
  const before = process.env.XENFERRY_URI;
  beforeEach(() => {
    process.env.XENFERRY_URI = `embedded://${dir}`;
    mkdirSync(join(dir, 'xenferry'));
    socket = join(dir, 'xenferry', DAEMON_SOCKET);
  });
  afterEach(() => {
    if (before === undefined) delete process.env.XENFERRY_URI;
    else process.env.XENFERRY_URI = before;
  });

  it('reads what that would have read', async () => {
    await using _server = await controlServer(() => Promise.resolve(MIGRATED));
    const options = await argvParsedByDaemon(words);
    expect(options).toMatchObject({
      domain: 'web1',
      live: true,
      bandwidth: 1.5,
      deadline: ['save=9'],
      compress: 'auto',
    });
    expect(options).toEqual(JSON.parse(JSON.stringify(await migrateOptionsOf(words))));
  });

  it.each([
    [['migrate', 'web1']],
    [[...words, '--no-such-option']],
    [[...words, '--bandwidth', '2']],
    [[...words, '--help']],
    [['migrate', '--version']],
    [['migrate', '--get-yargs-completions', 'x']],
    [['list']],
    [[]],
  ])('leaves %j to it, and prints nothing', async (others) => {
    await using _server = await controlServer(() => Promise.resolve(MIGRATED));
    const printed = [vi.spyOn(console, 'log'), vi.spyOn(console, 'error'), vi.spyOn(process.stdout, 'write')];
    const options = await argvParsedByDaemon(others);
    for (const spy of printed) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
    expect(options).toBeUndefined();
  });

  it('is not waited for where it is none, or another', async () => {
    expect(await argvParsedByDaemon(words)).toBeUndefined();
    await using _server = await controlServer(() => Promise.resolve(MIGRATED), '0.0.1');
    expect(await argvParsedByDaemon(words)).toBeUndefined();
    process.env.XENFERRY_URI = 'nonsense';
    expect(await argvParsedByDaemon(words)).toBeUndefined();
  });
});

const GUEST_AT_HOME = { guest: 'source-running', phase: 'perform', cancelled: true } as const;

async function fired(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(socket, () => resolve()));
}
