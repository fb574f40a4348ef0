import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { PassThrough, type Duplex } from 'node:stream';
import type { ServerChannel } from 'ssh2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCredentials } from '../../../support/credentials.js';
import { RefusedError, XenferryError } from '../../../../src/errors/errors.js';
import { FrameLink } from '../../../../src/tunnel/frame-link.js';
import { FrameType } from '../../../../src/tunnel/frame.js';
import type { Link } from '../../../../src/tunnel/link.js';
import type { PeerIdentity } from '../../../../src/tunnel/peer-identity.js';
import { attachToSocket } from '../../../../src/tunnel/ssh/attach.js';
import { ReceivingEnd } from '../../../../src/tunnel/ssh/receiving-end.js';
import { StdioDuplex } from '../../../../src/tunnel/ssh/stdio-duplex.js';
import { SshDialer, type SshDialerOptions } from '../../../../src/tunnel/ssh/ssh-dialer.js';
import { receiveLine } from '../../../../src/tunnel/ssh/ssh-greeting.js';
import { resolveSshTarget } from '../../../../src/tunnel/ssh/ssh-target.js';
import type { OneTimeCredentials } from '../../../../src/tunnel/ssh/tls-lanes.js';
import { makeKey, stdioOf, TestHome, TestServer, type TestServerOptions } from './test-server.js';

const NEVER = new AbortController().signal;
const PEER: PeerIdentity = { transport: 'ssh', name: 'me', address: '127.0.0.1' };
const hostKey = makeKey();
const userKey = makeKey();

/** Made once: RSA keys take their time. */
const oneTime = (async (): Promise<readonly OneTimeCredentials[]> => [
  ...(await makeCredentials({ hosts: [['dialler']] })),
  ...(await makeCredentials({ hosts: [['receiver']] })),
])();

let home: TestHome;
let server: TestServer | undefined;
let ends: ReceivingEnd[];
let sockets: string[];
let doors: Server[];

beforeEach(() => {
  home = new TestHome();
  home.write('id_ed25519', userKey.privateText);
  ends = [];
  sockets = [];
  doors = [];
});

afterEach(async () => {
  for (const end of ends) await end[Symbol.asyncDispose]();
  for (const door of doors) door.close();
  await server?.[Symbol.asyncDispose]();
  server = undefined;
  home[Symbol.dispose]();
});

async function dialerTo(
  onExec: (command: string, channel: ServerChannel) => void,
  options: SshDialerOptions = {},
  serverOptions: Partial<TestServerOptions> = {},
): Promise<SshDialer> {
  server = await TestServer.start({ hostKeys: [hostKey], authorized: [userKey], onExec, ...serverOptions });
  home.knows(server.port, hostKey);
  return new SshDialer(resolveSshTarget({ host: '127.0.0.1', port: server.port }, home.environment), options);
}

/** `xenferry receive` in this process: every link says which process and which link it is, then echoes. */
function receiver(tls?: { readonly host: string }): (command: string, channel: ServerChannel) => void {
  let processes = 0;
  return (command, channel) => {
    const { input, output } = stdioOf(channel);
    const attach = / --attach (\S+)$/.exec(command);
    if (attach !== null) {
      attachToSocket(attach[1], input, output, NEVER).catch((error: unknown) => {
        channel.stderr.write(String(error));
        output.destroy();
      });
      return;
    }
    processes += 1;
    const id = processes;
    let links = 0;
    ReceivingEnd.open(
      {
        stdio: new StdioDuplex(input, output),
        runtimeDir: home.dir,
        peer: PEER,
        onLink: (link) => {
          links += 1;
          link.duplex.write(`${id}.${links} ${link.peer.transport}\n`);
          link.duplex.pipe(link.duplex);
        },
        ...(tls === undefined
          ? {}
          : {
              tls: {
                host: tls.host,
                makeCredentials: async () => (await oneTime)[1],
                onRefused: () => undefined,
              },
            }),
      },
      NEVER,
    ).then(
      (end) => {
        ends.push(end);
      },
      (error: unknown) => {
        channel.stderr.write(String(error));
        output.destroy();
      },
    );
  };
}

async function readLine(duplex: Duplex): Promise<string> {
  let text = '';
  while (!text.includes('\n')) {
    const chunk: unknown = duplex.read();
    if (Buffer.isBuffer(chunk)) text += chunk.toString();
    else await once(duplex, 'readable');
  }
  return text.trimEnd();
}

async function errorOf(work: Promise<Link>): Promise<XenferryError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof XenferryError) return error;
  throw new Error('it should have failed in a way of ours', { cause: error });
}

async function echo(link: Link, text: string): Promise<string> {
  link.duplex.write(`${text}\n`);
  return readLine(link.duplex);
}

describe('dialling over ssh', () => {
  it('every link of one migration reaches the same remote process', async () => {
    await using dialer = await dialerTo(receiver());
    const links = [await dialer.dial(NEVER)];
    links.push(...(await Promise.all([dialer.dial(NEVER), dialer.dial(NEVER)])));
    const names = [];
    for (const link of links) names.push(await readLine(link.duplex));
    expect(names.sort()).toEqual(['1.1 ssh', '1.2 ssh', '1.3 ssh']);
    expect(server?.connections).toBe(1);
    expect(server?.commands).toEqual(['xenferry receive']);
    for (const link of links) expect(await echo(link, 'hello')).toBe('hello');
    expect(dialer.transport).toBe('ssh');
    expect(links[0]?.peer).toMatchObject({ transport: 'ssh', name: 'me@127.0.0.1' });
  });

  it('links that are dialled at the same time share one start', async () => {
    await using dialer = await dialerTo(receiver());
    const links = await Promise.all([dialer.dial(NEVER), dialer.dial(NEVER), dialer.dial(NEVER)]);
    const names = await Promise.all(links.map((link) => readLine(link.duplex)));
    expect(names.sort()).toEqual(['1.1 ssh', '1.2 ssh', '1.3 ssh']);
  });

  it('where sshd forwards no Unix sockets, a command attaches further links', async () => {
    await using dialer = await dialerTo(receiver(), {}, { forwardStreamLocal: false });
    const first = await dialer.dial(NEVER);
    const second = await dialer.dial(NEVER);
    const third = await dialer.dial(NEVER);
    expect(await readLine(first.duplex)).toBe('1.1 ssh');
    expect(await readLine(second.duplex)).toBe('1.2 ssh');
    expect(await readLine(third.duplex)).toBe('1.3 ssh');
    expect(await echo(third, 'through')).toBe('through');
    expect(server?.commands.slice(1).every((command) => /receive --attach \/\S+$/.test(command))).toBe(true);
    expect(server?.commands).toHaveLength(3);
  });

  it('carries megabytes both ways, to a slow reader too', async () => {
    await using dialer = await dialerTo(receiver());
    const link = await dialer.dial(NEVER);
    await readLine(link.duplex);
    const sent = Buffer.alloc(8 * 1024 * 1024);
    for (let at = 0; at < sent.length; at += 4) sent.writeUInt32LE(at, at);
    const writing = new Promise<void>((resolve) => link.duplex.end(sent, resolve));
    const got: Buffer[] = [];
    for await (const chunk of link.duplex) {
      if (Buffer.isBuffer(chunk)) got.push(chunk);
      if (got.length % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await writing;
    expect(Buffer.concat(got).equals(sent)).toBe(true);
  });

  it('quotes its arguments, and takes a program of the user', async () => {
    await using dialer = await dialerTo(receiver(), {
      remoteCommand: 'sudo -n xenferry',
      remoteArgs: ['receive', '--connect', "embedded:///a b'c"],
    });
    await dialer.dial(NEVER);
    expect(server?.commands).toEqual([String.raw`sudo -n xenferry receive --connect 'embedded:///a b'\''c'`]);
  });

  it('skips what a login shell prints', async () => {
    const serve = receiver();
    await using dialer = await dialerTo((command, channel) => {
      channel.write('Last login: today\nwelcome\n');
      serve(command, channel);
    });
    const link = await dialer.dial(NEVER);
    expect(await readLine(link.duplex)).toBe('1.1 ssh');
  });

  it('starts another process once the first has ended, over the same connection', async () => {
    await using dialer = await dialerTo(receiver());
    const first = await dialer.dial(NEVER);
    const closed = once(first.duplex, 'close');
    first.destroy();
    await closed;
    const second = await dialer.dial(NEVER);
    expect(await readLine(second.duplex)).toBe('2.1 ssh');
    expect(server?.connections).toBe(1);
  });

  it('connects again after the connection broke', async () => {
    await using dialer = await dialerTo(receiver());
    const first = await dialer.dial(NEVER);
    const closed = new Promise<void>((resolve) => first.duplex.once('close', resolve));
    first.duplex.on('error', () => undefined);
    server?.cutAll();
    await closed;
    expect(first.duplex.errored).toMatchObject({ code: 'E_TUNNEL_LOST' });
    const second = await dialer.dial(NEVER);
    expect(await readLine(second.duplex)).toBe('2.1 ssh');
    expect(server?.connections).toBe(2);
  });

  it('the socket is in a folder of its user alone, and is gone afterwards', async () => {
    const serve = receiver();
    await using dialer = await dialerTo((command, channel) => {
      const write = channel.write.bind(channel);
      channel.write = (chunk: unknown, ...rest: never[]) => {
        const path = /"socket":"([^"]+)"/.exec(String(chunk));
        if (path !== null) sockets.push(path[1]);
        return write(chunk, ...rest);
      };
      serve(command, channel);
    });
    await dialer.dial(NEVER);
    expect(sockets).toHaveLength(1);
    const dir = dirname(sockets[0]);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const end of ends.splice(0)) await end[Symbol.asyncDispose]();
    expect(existsSync(dir)).toBe(false);
  });
});

describe('a daemon at the far host', () => {
  /** Stands at its door and does the same to each connection; says how many came. */
  async function daemonThat(
    serve: (socket: Socket) => void,
  ): Promise<{ readonly path: string; readonly came: number }> {
    const path = join(home.dir, 'door');
    let came = 0;
    const door = createServer((socket) => {
      came += 1;
      socket.on('error', () => undefined);
      serve(socket);
    });
    doors.push(door);
    await new Promise<void>((resolve) => door.listen(path, resolve));
    return {
      path,
      get came() {
        return came;
      },
    };
  }

  const receives = (socket: Socket): void => {
    let links = 0;
    const onLink = (link: Link): void => {
      links += 1;
      link.duplex.write(`daemon.${links}\n`);
      link.duplex.pipe(link.duplex);
    };
    void ReceivingEnd.open({ stdio: socket, runtimeDir: home.dir, peer: PEER, onLink }, NEVER).then((end) =>
      ends.push(end),
    );
  };

  it('takes a login in without a process, and its further links', async () => {
    const daemon = await daemonThat(receives);
    await using dialer = await dialerTo(receiver(), { door: daemon.path });
    const links = [await dialer.dial(NEVER)];
    links.push(...(await Promise.all([dialer.dial(NEVER), dialer.dial(NEVER)])));
    const names = [];
    for (const link of links) names.push(await readLine(link.duplex));
    expect(names.sort()).toEqual(['daemon.1', 'daemon.2', 'daemon.3']);
    for (const link of links) expect(await echo(link, 'hello')).toBe('hello');
    expect(server?.commands).toEqual([]);
    expect(daemon.came).toBe(1);
  });

  it.each([
    ['turns the login away', (socket: Socket) => socket.destroy()],
    ['says something else', (socket: Socket) => socket.end('220 welcome\n')],
    ['speaks another version of the greeting', (socket: Socket) => socket.end('XENFERRY-RECEIVE {"version":99}\n')],
    ['stands still', () => undefined],
  ])('%s: the program is started in its place', async (_, serve) => {
    const daemon = await daemonThat(serve);
    await using dialer = await dialerTo(receiver(), { door: daemon.path, startMs: 1000 });
    expect(await readLine((await dialer.dial(NEVER)).duplex)).toBe('1.1 ssh');
    expect(server?.commands).toEqual(['xenferry receive']);
    expect(daemon.came).toBe(1);
  });

  it('is not there, or sshd does not let anybody to it: the program is started', async () => {
    await using none = await dialerTo(receiver(), { door: join(home.dir, 'nobody') });
    expect(await readLine((await none.dial(NEVER)).duplex)).toBe('1.1 ssh');
    await server?.[Symbol.asyncDispose]();
    const daemon = await daemonThat(receives);
    await using shut = await dialerTo(receiver(), { door: daemon.path }, { forwardStreamLocal: false });
    expect(await readLine((await shut.dial(NEVER)).duplex)).toBe('1.1 ssh');
    expect(daemon.came).toBe(0);
  });

  it('is asked again once its first link has ended', async () => {
    const daemon = await daemonThat(receives);
    await using dialer = await dialerTo(receiver(), { door: daemon.path });
    const first = await dialer.dial(NEVER);
    const closed = once(first.duplex, 'close');
    first.destroy();
    await closed;
    expect(await readLine((await dialer.dial(NEVER)).duplex)).toBe('daemon.1');
    expect(daemon.came).toBe(2);
    expect(server?.connections).toBe(1);
  });

  it('where the connection breaks at its door that is the failure, and nothing is started', async () => {
    const daemon = await daemonThat(() => server?.cutAll());
    await using dialer = await dialerTo(receiver(), { door: daemon.path });
    expect((await errorOf(dialer.dial(NEVER))).code).toBe('E_TUNNEL_LOST');
    expect(server?.commands).toEqual([]);
  });

  it('who does not want to wait any more is not sent to the program either', async () => {
    const enough = new AbortController();
    const daemon = await daemonThat(() => enough.abort(new Error('enough')));
    await using dialer = await dialerTo(receiver(), { door: daemon.path });
    await expect(dialer.dial(enough.signal)).rejects.toThrow('enough');
    expect(server?.commands).toEqual([]);
  });
});

describe('frames over ssh', () => {
  /** A far process that answers the link's OPEN, or refuses it and ends. */
  function framing(refuse: boolean): (command: string, channel: ServerChannel) => void {
    return (_, channel) => {
      const { input, output } = stdioOf(channel);
      const onLink = async (link: Link): Promise<void> => {
        const frames = new FrameLink(link);
        await frames.awaitOpen(NEVER);
        if (refuse) {
          await frames.refuse(new RefusedError('E_REFUSED_BUSY', 'no room here'));
          return;
        }
        await frames.answer(Buffer.from('welcome'));
        const frame = await frames.receive(NEVER);
        if (frame !== undefined) await frames.send(frame);
        await frames.receive(NEVER);
        await frames.close();
      };
      void ReceivingEnd.open(
        {
          stdio: new StdioDuplex(input, output),
          runtimeDir: home.dir,
          peer: PEER,
          onLink: (link) => void onLink(link),
        },
        NEVER,
      ).then((end) => ends.push(end));
    };
  }

  it('a link opens, carries a frame each way and ends in order', async () => {
    await using dialer = await dialerTo(framing(false));
    const frames = new FrameLink(await dialer.dial(NEVER));
    expect(Buffer.from(await frames.open(Buffer.from('hello'), NEVER)).toString()).toBe('welcome');
    await frames.send({ type: FrameType.MESSAGE, sequence: 1, offset: 0, payload: Buffer.alloc(100_000, 'm') });
    const back = await frames.receive(NEVER);
    expect(back?.payload.length).toBe(100_000);
    await frames.close();
    expect(frames.failure).toBeUndefined();
  });

  it('why a link was refused is read before its process ends', async () => {
    await using dialer = await dialerTo(framing(true));
    const frames = new FrameLink(await dialer.dial(NEVER));
    await expect(frames.open(Buffer.from('hello'), NEVER)).rejects.toMatchObject({ code: 'E_REFUSED_BUSY' });
    await frames.close();
  });
});

describe('when the far side fails', () => {
  it('xenferry is not installed there', async () => {
    server = await TestServer.start({ hostKeys: [hostKey], authorized: [userKey] });
    home.knows(server.port, hostKey);
    await using dialer = new SshDialer(resolveSshTarget({ host: '127.0.0.1', port: server.port }, home.environment));
    const error = await errorOf(dialer.dial(NEVER));
    expect(error.code).toBe('E_TUNNEL_REMOTE_COMMAND');
    expect(error.message).toMatch(/not installed on 127\.0\.0\.1:\d+: sh: 1: xenferry: not found/);
    expect(error.hint).toContain('Install xenferry there');
  });

  it('the command ends with an error of its own, which is told', async () => {
    await using dialer = await dialerTo((_, channel) => {
      channel.stderr.write('xenferry: the state folder\nis not mine\n');
      channel.exit(3);
      channel.end();
    });
    const error = await errorOf(dialer.dial(NEVER));
    expect(error.code).toBe('E_TUNNEL_REMOTE_EXIT');
    expect(error.message).toContain('exit code 3: xenferry: the state folder | is not mine');
  });

  it('another program answers, or nothing at all', async () => {
    await using dialer = await dialerTo(
      (command, channel) => {
        if (command.includes('quiet')) return;
        channel.write('x'.repeat(100_000));
      },
      { startMs: 300 },
    );
    await expect(dialer.dial(NEVER)).rejects.toMatchObject({ code: 'E_PROTOCOL_GREETING' });
    const quiet = new SshDialer(resolveSshTarget({ host: '127.0.0.1', port: server?.port ?? 0 }, home.environment), {
      startMs: 200,
      remoteCommand: 'quiet',
    });
    await expect(quiet.dial(NEVER)).rejects.toMatchObject({ code: 'E_DEADLINE_SSH_RECEIVE' });
    await quiet[Symbol.asyncDispose]();
  });

  it('the process dies in the middle: what it had sent is read, then its last words are told', async () => {
    let far: ServerChannel | undefined;
    await using dialer = await dialerTo((_, channel) => {
      far = channel;
      channel.write(receiveLine({ socket: '/nowhere/lanes' }));
    });
    const link = await dialer.dial(NEVER);
    far?.write('half a frame');
    far?.stderr.write('Killed\n');
    far?.exit('KILL', false, '');
    far?.end();
    const got: string[] = [];
    const closed = new Promise<void>((resolve) => link.duplex.once('close', resolve));
    link.duplex.on('data', (chunk: Buffer) => got.push(chunk.toString()));
    await closed;
    expect(got.join('')).toBe('half a frame');
    expect(link.duplex.errored).toMatchObject({ code: 'E_TUNNEL_REMOTE_EXIT' });
    expect(link.duplex.errored?.message).toContain('was ended by SIGKILL: Killed');
  });

  it('a write that is under way when the connection breaks is answered', async () => {
    await using dialer = await dialerTo((_, channel) => {
      channel.pause(); // reads nothing: the window fills up
      channel.write(receiveLine({ socket: '/nowhere/lanes' }));
    });
    const link = await dialer.dial(NEVER);
    link.duplex.on('error', () => undefined);
    const written = new Promise<Error | null | undefined>((resolve) => {
      link.duplex.write(Buffer.alloc(16 * 1024 * 1024), resolve);
    });
    server?.cutAll();
    expect(await written).toBeInstanceOf(Error);
  });

  it('a stop during the start ends it, and a disposed dialer dials no more', async () => {
    const dialer = await dialerTo(() => undefined);
    const stop = new AbortController();
    const dialling = dialer.dial(stop.signal);
    stop.abort(new Error('stopped here'));
    await expect(dialling).rejects.toThrow('stopped here');
    const second = dialer.dial(NEVER);
    const refused = expect(second).rejects.toMatchObject({ code: 'E_TUNNEL_CLOSED' });
    await dialer[Symbol.asyncDispose]();
    await refused;
    await expect(dialer.dial(NEVER)).rejects.toMatchObject({ code: 'E_TUNNEL_CLOSED' });
  });
});

describe('ssh+tls', () => {
  const makeDiallerCredentials = async (): Promise<OneTimeCredentials> => (await oneTime)[0];

  it('further links are TLS, to the process that ssh proved', async () => {
    const notices: string[] = [];
    await using dialer = await dialerTo(receiver({ host: '127.0.0.1' }), {
      tls: { makeCredentials: makeDiallerCredentials },
      onNotice: (notice) => notices.push(notice),
    });
    const first = await dialer.dial(NEVER);
    const lanes = await Promise.all([dialer.dial(NEVER), dialer.dial(NEVER)]);
    expect(await readLine(first.duplex)).toBe('1.1 ssh');
    const names = await Promise.all(lanes.map((lane) => readLine(lane.duplex)));
    expect(names.sort()).toEqual(['1.2 tls', '1.3 tls']);
    expect(await echo(lanes[0], 'fast')).toBe('fast');
    expect(dialer.transport).toBe('ssh+tls');
    expect(notices).toEqual([]);
    for (const lane of lanes) lane.destroy();
  });

  it('falls back to ssh channels with one notice when TLS does not get through', async () => {
    const notices: string[] = [];
    await using dialer = await dialerTo(receiver({ host: '127.0.0.2' }), {
      tls: { makeCredentials: makeDiallerCredentials },
      onNotice: (notice) => notices.push(notice),
    });
    await dialer.dial(NEVER);
    const lanes = await Promise.all([dialer.dial(NEVER), dialer.dial(NEVER)]);
    const names = await Promise.all(lanes.map((lane) => readLine(lane.duplex)));
    expect(names.sort()).toEqual(['1.2 ssh', '1.3 ssh']);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain('TLS does not get through');
    expect(dialer.transport).toBe('ssh');
  });

  it('a lane is never taken by, or given to, a peer with another certificate', async () => {
    const stranger = await makeCredentials({ hosts: [['stranger']] });
    const notices: string[] = [];
    await using dialer = await dialerTo(
      (_, channel) => {
        // Says another authority than that of the certificate which the port shows.
        const { input, output } = stdioOf(channel);
        const inner = new PassThrough();
        inner.on('data', (chunk: Buffer) => {
          const text = chunk.toString();
          const swapped = text.startsWith('XENFERRY-RECEIVE')
            ? text.replace(/"ca":"[^"]+"/, `"ca":${JSON.stringify(stranger[0].ca)}`)
            : text;
          output.write(swapped);
        });
        void ReceivingEnd.open(
          {
            stdio: new StdioDuplex(input, inner),
            runtimeDir: home.dir,
            peer: PEER,
            onLink: (link) => link.duplex.write(`${link.peer.transport}\n`),
            tls: { host: '127.0.0.1', makeCredentials: async () => (await oneTime)[1], onRefused: () => undefined },
          },
          NEVER,
        ).then((end) => ends.push(end));
      },
      { tls: { makeCredentials: makeDiallerCredentials }, onNotice: (notice) => notices.push(notice) },
    );
    await dialer.dial(NEVER);
    const lane = await dialer.dial(NEVER);
    expect(lane.peer.transport).toBe('ssh');
    expect(notices[0]).toContain('not signed by an authority');
  });
});

describe('attaching by hand', () => {
  it('a socket that is not there, or not a path, is told', async () => {
    const streams = [new PassThrough(), new PassThrough()] as const;
    await expect(attachToSocket(join(home.dir, 'none'), ...streams, NEVER)).rejects.toMatchObject({
      code: 'E_TUNNEL_UNREACHABLE',
    });
    await expect(attachToSocket('relative', ...streams, NEVER)).rejects.toMatchObject({ code: 'E_USAGE_ATTACH' });
  });
});
