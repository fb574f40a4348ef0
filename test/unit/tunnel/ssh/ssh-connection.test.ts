import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import ssh2, {
  type Algorithms,
  type IdentityCallback,
  type ParsedKey,
  type ServerChannel,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type Socket } from 'node:net';
import { XenferryError } from '../../../../src/errors/errors.js';
import { messageOf } from '../../../../src/errors/message-of.js';
import { sshAlgorithms } from '../../../../src/tunnel/ssh/algorithms.js';
import { sshFingerprint } from '../../../../src/tunnel/ssh/host-key.js';
import type { ChannelStream, RemoteExit } from '../../../../src/tunnel/ssh/channel-stream.js';
import { SshConnection, type SshConnectOptions } from '../../../../src/tunnel/ssh/ssh-connection.js';
import { readKnownHostsFiles } from '../../../../src/tunnel/ssh/ssh-files.js';
import { connectTcp } from '../../../../src/tunnel/ssh/tcp-connect.js';
import { withShortTimeout } from '../../../support/short-timeouts.js';
import { resolveSshTarget } from '../../../../src/tunnel/ssh/ssh-target.js';
import { makeKey, rawServer, TestHome, TestServer, type TestServerOptions } from './test-server.js';

const NEVER = new AbortController().signal;
const hostKey = makeKey();
const userKey = makeKey();

let home: TestHome;
let server: TestServer;

beforeEach(async () => {
  home = new TestHome();
  server = await start({});
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  home[Symbol.dispose]();
});

function start(options: Partial<TestServerOptions>): Promise<TestServer> {
  return TestServer.start({ hostKeys: [hostKey], authorized: [userKey], ...options });
}

async function replaceServer(options: Partial<TestServerOptions>): Promise<void> {
  await server[Symbol.asyncDispose]();
  server = await start(options);
}

function open(options: SshConnectOptions = {}, port = server.port, signal = NEVER): Promise<SshConnection> {
  const target = resolveSshTarget({ host: '127.0.0.1', port }, home.environment);
  return SshConnection.open(target, options, signal);
}

/** As sshd does it: the exit status after the end of the output, for which ssh2's server has no call. */
function exitLate(channel: ServerChannel, code: number): void {
  const client: unknown = Reflect.get(channel, '_client');
  const protocol: unknown = Reflect.get(client as object, '_protocol');
  const { id } = Reflect.get(channel, 'outgoing') as { id: number };
  (protocol as { exitStatus(id: number, code: number): void }).exitStatus(id, code);
}

async function errorOf(work: Promise<SshConnection>): Promise<XenferryError> {
  try {
    (await work).destroy();
  } catch (error) {
    if (error instanceof XenferryError) return error;
    throw error;
  }
  throw new Error('it connected');
}

describe('algorithms', () => {
  it.each<[string, Algorithms]>([
    ['kex', { kex: ['diffie-hellman-group14-sha1'] }],
    ['cipher', { cipher: ['aes128-cbc'] }],
    ['serverHostKey', { serverHostKey: ['ssh-rsa'] }],
  ])('a server that has only what is weak is not joined: %s', async (_what, algorithms) => {
    const key = algorithms.serverHostKey === undefined ? hostKey : makeKey('rsa');
    await replaceServer({ algorithms, hostKeys: [key] });
    home.knows(server.port, key);
    home.write('id_ed25519', userKey.privateText);
    expect(await errorOf(open())).toMatchObject({ code: 'E_TUNNEL_HANDSHAKE' });
    expect(server.offeredKeys).toEqual([]);
  });

  it.each<Algorithms>([
    { kex: ['curve25519-sha256'] },
    { kex: ['diffie-hellman-group14-sha256'] },
    { kex: ['ecdh-sha2-nistp256'], hmac: ['hmac-sha2-512'] },
    { cipher: ['aes256-gcm@openssh.com'] },
    { cipher: ['chacha20-poly1305@openssh.com'] },
  ])('a server that has but one that is good is joined: %j', async (algorithms) => {
    await replaceServer({ algorithms });
    home.knows(server.port, hostKey);
    home.write('id_ed25519', userKey.privateText);
    (await open()).destroy();
  });

  it('each kind is named in full, so that no default of the library counts', () => {
    const offered = sshAlgorithms(['ssh-ed25519']);
    expect(Object.keys(offered).toSorted()).toEqual(['cipher', 'compress', 'hmac', 'kex', 'serverHostKey']);
    const names = Object.values(offered).flat().map(String);
    expect(names.filter((name) => /sha1|md5|cbc|dss|arcfour|group1-|zlib|^ssh-rsa$/.test(name))).toEqual([]);
  });
});

describe('host keys', () => {
  it('connects to a known host and tells its fingerprint', async () => {
    home.knows(server.port, hostKey);
    home.write('id_ed25519', userKey.privateText);
    const connection = await open();
    expect(connection.peer).toEqual({
      transport: 'ssh',
      name: 'me@127.0.0.1',
      fingerprint: sshFingerprint(hostKey.blob),
      address: `127.0.0.1:${server.port}`,
    });
    expect(connection.remoteAddress).toBe('127.0.0.1');
    connection.destroy();
  });

  it('refuses an unknown host before any key of ours is offered', async () => {
    home.write('id_ed25519', userKey.privateText);
    const error = await errorOf(open());
    expect(error.code).toBe('E_TUNNEL_HOSTKEY_UNKNOWN');
    expect(error.message).toContain(sshFingerprint(hostKey.blob));
    expect(error.hint).toContain('ssh-keyscan');
    expect(server.offeredKeys).toHaveLength(0);
  });

  it('F31: refuses a changed host key, naming the line', async () => {
    home.knows(server.port, makeKey());
    home.write('id_ed25519', userKey.privateText);
    const error = await errorOf(open());
    expect(error.code).toBe('E_TUNNEL_HOSTKEY_CHANGED');
    expect(error.message).toContain(`${join(home.dir, '.ssh', 'known_hosts')}:1`);
    expect(server.offeredKeys).toHaveLength(0);
  });

  it('refuses a revoked host key', async () => {
    home.write('known_hosts', `[127.0.0.1]:${server.port} ${hostKey.publicLine}\n@revoked * ${hostKey.publicLine}\n`);
    expect((await errorOf(open())).code).toBe('E_TUNNEL_HOSTKEY_REVOKED');
  });

  it('StrictHostKeyChecking no does not weaken the check', async () => {
    home.write('config', 'StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n');
    expect((await errorOf(open())).code).toBe('E_TUNNEL_HOSTKEY_UNKNOWN');
  });

  it.each(['ed25519', 'ecdsa', 'rsa'] as const)('a host with all kinds of key is known by its %s key', async (type) => {
    const keys = { ed25519: makeKey('ed25519'), ecdsa: makeKey('ecdsa'), rsa: makeKey('rsa') };
    await replaceServer({ hostKeys: Object.values(keys) });
    home.knows(server.port, keys[type]);
    home.write('id_ed25519', userKey.privateText);
    const connection = await open();
    expect(connection.peer.fingerprint).toBe(sshFingerprint(keys[type].blob));
    connection.destroy();
  });
});

describe('keys', () => {
  beforeEach(() => {
    home.knows(server.port, hostKey);
  });

  it.each(['ed25519', 'ecdsa', 'rsa'] as const)('logs in with an %s key', async (type) => {
    const key = makeKey(type);
    await replaceServer({ authorized: [key] });
    home.knows(server.port, hostKey);
    home.write(`id_${type}`, key.privateText);
    (await open()).destroy();
    expect(server.signedKeys).toEqual([key.blob]);
  });

  it('tells what was tried when no key is taken', async () => {
    const other = makeKey();
    home.write('id_ed25519', other.privateText);
    const error = await errorOf(open());
    expect(error.code).toBe('E_TUNNEL_AUTH');
    expect(error.message).toContain(sshFingerprint(other.blob));
    expect(error.hint).toContain('authorized_keys');
  });

  it('tells when there is no key at all, and when the server takes none', async () => {
    expect((await errorOf(open())).message).toContain('there is no key to try');
    await replaceServer({ methods: ['password'] });
    home.knows(server.port, hostKey);
    expect((await errorOf(open())).message).toContain('only password');
  });

  it('does not use a key that others may read', async () => {
    const path = home.write('id_ed25519', userKey.privateText, 0o644);
    const error = await errorOf(open());
    expect(error.code).toBe('E_TUNNEL_AUTH');
    expect(error.message).toContain(`${path} is not used: its mode 0644`);
    expect(server.offeredKeys).toHaveLength(0);
  });

  it('asks for a passphrase only when the server takes the key, and again after a wrong one', async () => {
    const locked = makeKey('ed25519', 'secret');
    await replaceServer({ authorized: [locked] });
    home.knows(server.port, hostKey);
    home.write('id_ecdsa', makeKey('ecdsa', 'other').privateText);
    const path = home.write('id_ed25519', locked.privateText);
    const asked: string[] = [];
    const askPassphrase = (file: string): Promise<string> => {
      asked.push(file);
      return Promise.resolve(asked.length === 1 ? 'wrong' : 'secret');
    };
    // ecdsa is offered too, but never has to sign
    (await open({ askPassphrase })).destroy();
    expect(asked).toEqual([path, path]);
  });

  it('no deadline runs while a passphrase is typed', async () => {
    const locked = makeKey('ed25519', 'secret');
    await replaceServer({ authorized: [locked] });
    home.knows(server.port, hostKey);
    home.write('id_ed25519', locked.privateText);
    const askPassphrase = async (): Promise<string> => {
      await new Promise((resolve) => setTimeout(resolve, 600)); // a person types: longer than authMs
      return 'secret';
    };
    (await open({ askPassphrase, authMs: 300 })).destroy();
    expect(server.signedKeys).toHaveLength(1);
  });

  it('goes on to the next key when a passphrase does not come', async () => {
    const locked = makeKey('ed25519', 'secret');
    const rsa = makeKey('rsa');
    await replaceServer({ authorized: [locked, rsa] });
    home.knows(server.port, hostKey);
    home.write('id_ed25519', locked.privateText);
    home.write('id_rsa', rsa.privateText);
    (await open({ askPassphrase: () => Promise.resolve(undefined) })).destroy();
    expect(server.signedKeys).toEqual([rsa.blob]);
  });

  it('uses an agent before files, and only named keys with IdentitiesOnly', async () => {
    const inAgent = makeKey();
    const agent = new MemoryAgent([inAgent.privateText, userKey.privateText]);
    (await open({ agent })).destroy();
    expect(server.signedKeys).toEqual([userKey.blob]);
    expect(server.offeredKeys[0]).toEqual(inAgent.blob);

    server.offeredKeys.length = 0;
    const pub = home.write('only.pub', `${userKey.publicLine} me\n`, 0o644);
    home.write('config', `Host *\n  IdentityFile ${pub.replace(/\.pub$/, '')}\n  IdentitiesOnly yes\n`);
    (await open({ agent })).destroy();
    expect(server.offeredKeys[0]).toEqual(userKey.blob);
    expect(new Set(server.offeredKeys.map(String)).size).toBe(1);
  });

  it('an agent that fails does not stand in the way of files', async () => {
    home.write('id_ed25519', userKey.privateText);
    const broken = { ...home.environment, agentSocket: join(home.dir, 'no-such-socket') };
    const target = resolveSshTarget({ host: '127.0.0.1', port: server.port }, broken);
    (await SshConnection.open(target, {}, NEVER)).destroy();
    expect(server.signedKeys).toEqual([userKey.blob]);
  });

  it.skipIf(!existsSync('/usr/bin/ssh-agent'))('logs in with a key of a real ssh-agent', async () => {
    const socket = join(home.dir, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await once(agent.stdout, 'data'); // it prints its environment once it listens
      const path = home.write('key', userKey.privateText);
      execFileSync('ssh-add', ['-q', path], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'ignore' });
      const environment = { ...home.environment, agentSocket: socket };
      const target = resolveSshTarget({ host: '127.0.0.1', port: server.port }, environment);
      (await SshConnection.open(target, {}, NEVER)).destroy();
      expect(server.signedKeys).toEqual([userKey.blob]);
    } finally {
      agent.kill();
      await once(agent, 'exit');
    }
  });
});

describe('what can go wrong on the way', () => {
  beforeEach(() => {
    home.write('id_ed25519', userKey.privateText);
    home.knows(server.port, hostKey);
  });

  function config(text: string): void {
    home.write('config', text);
  }

  it('nobody listens', async () => {
    const free = await rawServer(() => undefined);
    await free[Symbol.asyncDispose]();
    const error = await errorOf(open({}, free.port));
    expect(error.code).toBe('E_TUNNEL_UNREACHABLE');
    expect(error.hint).toContain('sshd');
  });

  it('F6: a reset before the banner', async () => {
    await using raw = await rawServer((socket) => socket.resetAndDestroy());
    const error = await errorOf(open({}, raw.port));
    expect(['E_TUNNEL_HANDSHAKE', 'E_TUNNEL_UNREACHABLE']).toContain(error.code);
  });

  it('a server that closes at once, and one that speaks something else', async () => {
    await using closing = await rawServer((socket) => socket.end());
    expect((await errorOf(open({}, closing.port))).code).toBe('E_TUNNEL_HANDSHAKE');
    await using http = await rawServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect((await errorOf(open({}, http.port))).code).toBe('E_TUNNEL_HANDSHAKE');
  });

  it('a server that never sends its banner meets the deadline', async () => {
    config('ConnectTimeout 1\n');
    await using silent = await rawServer(() => undefined);
    const error = await errorOf(open({}, silent.port));
    expect(error.code).toBe('E_TUNNEL_HANDSHAKE');
    expect(error.message).toContain('within 1.0 s');
    expect(error).toMatchObject({ cause: { code: 'E_DEADLINE_SSH_HANDSHAKE' } });
  });

  it('a server that never answers to keys meets the deadline', async () => {
    await replaceServer({ silentAuth: true });
    home.knows(server.port, hostKey);
    const error = await errorOf(open({ authMs: 200 }));
    expect(error.code).toBe('E_TUNNEL_AUTH');
    expect(error.message).toContain('within 0.2 s');
    expect(error).toMatchObject({ cause: { code: 'E_DEADLINE_SSH_AUTH' } });
  });

  it('a server that never answers for a channel meets the deadline', async () => {
    await replaceServer({ silentChannels: true });
    home.knows(server.port, hostKey);
    const connection = await open();
    try {
      await withShortTimeout(20_000, () =>
        expect(connection.exec('run', () => undefined, NEVER)).rejects.toMatchObject({
          code: 'E_DEADLINE_SSH_CHANNEL',
        }),
      );
    } finally {
      connection.destroy();
    }
  });

  it('a host that does not take the connection in meets the deadline', async () => {
    let error: unknown;
    for (let tries = 0; error === undefined && tries < 100; tries += 1) {
      const connecting = connectTcp('127.0.0.1', server.port, 'the host', 1, NEVER);
      // Where the connection is seen first all the same, another one may be late.
      for (const until = performance.now() + 50; performance.now() < until;);
      await connecting.then(
        (socket) => socket.destroy(),
        (caught: unknown) => (error = caught),
      );
    }
    expect(error).toMatchObject({
      code: 'E_TUNNEL_UNREACHABLE',
      cause: { code: 'E_DEADLINE_SSH_CONNECT' },
    });
  });

  it('a list of known hosts that is too long is not read', () => {
    const path = join(home.dir, 'long');
    writeFileSync(path, '');
    truncateSync(path, 2 ** 30);
    expect(() => readKnownHostsFiles([path])).toThrow(
      expect.objectContaining({ code: 'E_TUNNEL_KNOWN_HOSTS', data: { path } }),
    );
    expect(readKnownHostsFiles([join(home.dir, 'none')])[0].text).toBe('');
  });

  it('a stop ends it at once', async () => {
    await using silent = await rawServer(() => undefined);
    const stop = new AbortController();
    const connecting = open({}, silent.port, stop.signal);
    stop.abort(new Error('stopped here'));
    await expect(connecting).rejects.toThrow('stopped here');
    await expect(open({}, server.port, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  });

  it('F7: a connection that falls silent is given up by keepalive', async () => {
    const upstream: Socket[] = [];
    const near: Socket[] = [];
    await using proxy = await rawServer((socket) => {
      const onward = connect(server.port, '127.0.0.1');
      onward.on('error', () => undefined);
      near.push(socket);
      upstream.push(onward);
      socket.pipe(onward).pipe(socket);
    });
    home.knows(proxy.port, hostKey);
    const connection = await open({ keepaliveMs: 30, keepaliveCount: 3 }, proxy.port);
    const stream = await connection.openTcp('127.0.0.1', server.port, NEVER);
    const closed = new Promise<void>((resolve) => stream.once('close', resolve));
    for (const [index, socket] of near.entries()) {
      socket.unpipe();
      upstream[index].unpipe();
      socket.pause();
    }
    await closed;
    expect(connection.failure).toMatchObject({ code: 'E_TUNNEL_LOST' });
    expect(messageOf(connection.failure)).toContain('Keepalive timeout');
    for (const socket of upstream) socket.destroy();
  });

  it('a command whose exit status comes late has failed all the same, and what it said is told', async () => {
    await replaceServer({
      onExec: (_, channel) => {
        channel.stderr.write('E_REFUSED: not you\n');
        channel.eof();
        // A host that is busy: longer than two seconds after the end of the output.
        setTimeout(() => {
          exitLate(channel, 3);
          channel.close();
        }, 2500);
      },
    });
    home.knows(server.port, hostKey);
    const connection = await open();
    const seen: RemoteExit[] = [];
    const onExit = (exit: RemoteExit): Error => {
      seen.push(exit);
      return new Error('it failed');
    };
    const stream = await connection.exec('fail', onExit, NEVER);
    stream.resume();
    await expect(finished(stream)).rejects.toThrow('it failed');
    expect(seen).toEqual([{ code: 3, stderr: ['E_REFUSED: not you'] }]);
    connection.destroy();
  });

  it('what a command wrote before it failed can be read afterwards, and then its error is told', async () => {
    await replaceServer({
      onExec: (_, channel) => {
        channel.write('last words');
        channel.exit(9);
        channel.end();
      },
    });
    home.knows(server.port, hostKey);
    const connection = await open();
    let stream: ChannelStream | undefined;
    const code = await new Promise<number | undefined>((resolve, reject) => {
      const onExit = (exit: RemoteExit): Error => {
        resolve(exit.code);
        return new Error('it failed');
      };
      connection.exec('fail', onExit, NEVER).then((opened) => {
        stream = opened;
      }, reject);
    });
    expect(code).toBe(9);
    await new Promise((resolve) => setImmediate(resolve)); // the failure is known, and nothing has been read
    expect(stream?.destroyed).toBe(false);
    expect(String(stream?.read())).toBe('last words');
    expect(stream?.errored?.message).toBe('it failed');
    connection.destroy();
  });

  it('a cut connection is told on it and on its channels', async () => {
    await replaceServer({ onExec: (_, channel) => channel.write('up') });
    home.knows(server.port, hostKey);
    const connection = await open();
    const stream = await connection.exec('run', () => undefined, NEVER);
    await once(stream, 'data');
    const broken = new Promise<void>((resolve) => stream.once('close', resolve));
    server.cutAll();
    await broken;
    expect(stream.errored).toMatchObject({ code: 'E_TUNNEL_LOST' });
    expect(connection.failure).toMatchObject({ code: 'E_TUNNEL_LOST' });
    await expect(connection.exec('more', () => undefined, NEVER)).rejects.toMatchObject({ code: 'E_TUNNEL_LOST' });
  });
});

describe('ProxyJump', () => {
  const jumpKey = makeKey('ecdsa');
  let jump: TestServer;

  beforeEach(async () => {
    jump = await TestServer.start({ hostKeys: [jumpKey], authorized: [userKey] });
    home.write('id_ed25519', userKey.privateText);
  });
  afterEach(async () => {
    await jump[Symbol.asyncDispose]();
  });

  function knownLines(...lines: [number, string][]): void {
    home.write('known_hosts', lines.map(([port, key]) => `[127.0.0.1]:${port} ${key}\n`).join(''));
  }

  it('goes through, with each host key checked', async () => {
    knownLines([server.port, hostKey.publicLine], [jump.port, jumpKey.publicLine]);
    home.write('config', `Host box\n HostName 127.0.0.1\n Port ${server.port}\n ProxyJump 127.0.0.1:${jump.port}\n`);
    const target = resolveSshTarget({ host: 'box' }, home.environment);
    const connection = await SshConnection.open(target, {}, NEVER);
    expect(connection.peer.fingerprint).toBe(sshFingerprint(hostKey.blob));
    expect(connection.remoteAddress).toBeUndefined();
    expect([jump.connections, server.connections]).toEqual([1, 1]);
    connection.destroy();
  });

  it('refuses an unknown jump host, and an unknown host behind a known one', async () => {
    home.write('config', `Host box\n HostName 127.0.0.1\n Port ${server.port}\n ProxyJump 127.0.0.1:${jump.port}\n`);
    const go = (): Promise<SshConnection> =>
      SshConnection.open(resolveSshTarget({ host: 'box' }, home.environment), {}, NEVER);
    knownLines([server.port, hostKey.publicLine]);
    let error = await errorOf(go());
    expect(error).toMatchObject({ code: 'E_TUNNEL_HOSTKEY_UNKNOWN', data: { port: jump.port } });
    expect(server.connections).toBe(0);
    knownLines([jump.port, jumpKey.publicLine]);
    error = await errorOf(go());
    expect(error).toMatchObject({ code: 'E_TUNNEL_HOSTKEY_UNKNOWN', data: { port: server.port } });
  });

  it('asks once for the passphrase of a key that both hosts take', async () => {
    const locked = makeKey('ecdsa', 'secret');
    await using far = await TestServer.start({ hostKeys: [hostKey], authorized: [locked] });
    await using near = await TestServer.start({ hostKeys: [jumpKey], authorized: [locked] });
    home.write('id_ecdsa', locked.privateText);
    knownLines([far.port, hostKey.publicLine], [near.port, jumpKey.publicLine]);
    home.write('config', `Host box\n HostName 127.0.0.1\n Port ${far.port}\n ProxyJump 127.0.0.1:${near.port}\n`);
    let asked = 0;
    const askPassphrase = (): Promise<string> => {
      asked += 1;
      return Promise.resolve('secret');
    };
    const target = resolveSshTarget({ host: 'box' }, home.environment);
    (await SshConnection.open(target, { askPassphrase }, NEVER)).destroy();
    expect([asked, near.signedKeys.length, far.signedKeys.length]).toEqual([1, 1, 1]);
  });

  it('tells when the jump host cannot connect on', async () => {
    const gone = await rawServer(() => undefined);
    await gone[Symbol.asyncDispose]();
    knownLines([jump.port, jumpKey.publicLine]);
    home.write('config', `Host box\n HostName 127.0.0.1\n Port ${gone.port}\n ProxyJump 127.0.0.1:${jump.port}\n`);
    const error = await errorOf(SshConnection.open(resolveSshTarget({ host: 'box' }, home.environment), {}, NEVER));
    expect(error.code).toBe('E_TUNNEL_SSH_CHANNEL');
    expect(error.message).toContain(`127.0.0.1:${gone.port}`);
  });

  it('works out chains, and refuses a loop', () => {
    home.write(
      'config',
      'Host a\n ProxyJump b,c\nHost b\n ProxyJump d\nHost c\n ProxyJump never\nHost loop\n ProxyJump loop\n',
    );
    const target = resolveSshTarget({ host: 'a', user: 'u' }, home.environment);
    expect(target.jumps.map((hop) => hop.host)).toEqual(['d', 'b', 'c']);
    expect(() => resolveSshTarget({ host: 'loop' }, home.environment)).toThrow('or a loop');
  });
});

/** An agent in this process, by ssh2's own interface for agents. */
class MemoryAgent extends ssh2.BaseAgent {
  readonly #keys: ParsedKey[];

  constructor(texts: readonly string[]) {
    super();
    this.#keys = texts.map((text) => {
      const key = ssh2.utils.parseKey(text);
      if (key instanceof Error) throw key;
      return key;
    });
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    done(null, this.#keys);
  }

  override sign(
    publicKey: string | Buffer | ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    const key = this.#keys.find((each) => each.equals(publicKey));
    const callback = typeof options === 'function' ? options : done;
    callback?.(null, key?.sign(data));
  }
}
