import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import ssh2, { type Algorithms, type Connection, type ParsedKey, type ServerChannel } from 'ssh2';
import type { SshEnvironment } from '../../../../src/tunnel/ssh/ssh-files.js';

/** A key pair of a host or a user. */
export interface TestKey {
  readonly privateText: string;
  /** Type and base64, as in known_hosts and authorized_keys. */
  readonly publicLine: string;
  readonly blob: Buffer;
}

export function makeKey(type: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519', passphrase?: string): TestKey {
  for (;;) {
    const pair = generate(type, passphrase);
    // One in some two hundred Ed25519 keys that ssh2 makes cannot be read by anybody, ssh-keygen included.
    if (ssh2.utils.parseKey(pair.private, passphrase) instanceof Error) continue;
    const [name, base64] = pair.public.split(' ');
    return { privateText: pair.private, publicLine: `${name} ${base64}`, blob: Buffer.from(base64, 'base64') };
  }
}

function generate(
  type: 'ed25519' | 'ecdsa' | 'rsa',
  passphrase: string | undefined,
): { private: string; public: string } {
  const { utils } = ssh2;
  const lock = { cipher: 'aes256-ctr', rounds: 4 };
  const locked = passphrase === undefined ? {} : { ...lock, passphrase };
  if (type === 'rsa') return utils.generateKeyPairSync('rsa', { bits: 2048, ...locked });
  if (type === 'ecdsa') return utils.generateKeyPairSync('ecdsa', { bits: 256, ...locked });
  return utils.generateKeyPairSync('ed25519', passphrase === undefined ? {} : { ...lock, passphrase });
}

/** A home folder with `.ssh`, and an empty system folder. Disposing it removes it. */
export class TestHome implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'xf-ssh-'));
  readonly environment: SshEnvironment;

  constructor() {
    mkdirSync(join(this.dir, '.ssh'), { mode: 0o700 });
    mkdirSync(join(this.dir, 'etc'));
    const uid = process.getuid?.() ?? 0;
    this.environment = { home: this.dir, user: 'me', uid, systemDir: join(this.dir, 'etc') };
  }

  write(name: string, text: string, mode = 0o600): string {
    const path = join(this.dir, '.ssh', name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  /** known_hosts with this key for 127.0.0.1 at the port. */
  knows(port: number, key: TestKey): void {
    this.write('known_hosts', `[127.0.0.1]:${port} ${key.publicLine}\n`);
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export interface TestServerOptions {
  readonly hostKeys: readonly TestKey[];
  readonly authorized: readonly TestKey[];
  /** Answers a command; by default it fails as an unknown one. */
  readonly onExec?: (command: string, channel: ServerChannel) => void;
  /** Answers the methods that a refused client is told; `publickey` where absent. */
  readonly methods?: readonly ('publickey' | 'password')[];
  readonly forwardStreamLocal?: boolean;
  /** Accepts `none` and nothing is ever answered. */
  readonly silentAuth?: boolean;
  /** Answers no request for a channel. */
  readonly silentChannels?: boolean;
  /** What it offers; as usual where absent. */
  readonly algorithms?: Algorithms;
}

/** ssh2's own server on a free port of 127.0.0.1, with forwarding to TCP and Unix sockets. */
export class TestServer implements AsyncDisposable {
  readonly #server: InstanceType<typeof ssh2.Server>;
  readonly #clients = new Set<Connection>();
  readonly commands: string[] = [];
  readonly offeredKeys: Buffer[] = [];
  signedKeys: Buffer[] = [];
  connections = 0;
  #port = 0;

  private constructor(readonly options: TestServerOptions) {
    this.#server = new ssh2.Server(
      {
        hostKeys: options.hostKeys.map((key) => key.privateText),
        ident: 'OpenSSH_9.2 test',
        algorithms: options.algorithms ?? {},
      },
      (client) => {
        this.connections += 1;
        this.#clients.add(client);
        client.on('error', () => undefined);
        client.on('close', () => this.#clients.delete(client));
        this.#authenticate(client);
        this.#serve(client);
      },
    );
  }

  static async start(options: TestServerOptions): Promise<TestServer> {
    const server = new TestServer(options);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    server.#port = portOf(server.#server.address());
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** Ends every connection without a word. */
  cutAll(): void {
    for (const client of this.#clients) {
      const socket: unknown = Reflect.get(client, '_sock');
      if (isSocket(socket)) socket.resetAndDestroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cutAll();
    await closed;
  }

  #authenticate(client: Connection): void {
    const keys = this.options.authorized.map((key) => parsed(key.publicLine));
    client.on('authentication', (context) => {
      if (this.options.silentAuth === true) return;
      if (context.method !== 'publickey') {
        context.reject([...(this.options.methods ?? ['publickey'])]);
        return;
      }
      const blob = context.key.data;
      this.offeredKeys.push(blob);
      const key = keys.find((each) => each.getPublicSSH().equals(blob));
      if (key === undefined) {
        context.reject(['publickey']);
      } else if (context.signature === undefined) {
        context.accept();
      } else {
        this.signedKeys.push(blob);
        const good = context.blob !== undefined && key.verify(context.blob, context.signature, context.hashAlgo);
        if (good) context.accept();
        else context.reject(['publickey']);
      }
    });
  }

  #serve(client: Connection): void {
    client.on('session', (accept) => {
      if (this.options.silentChannels === true) return;
      accept().on('exec', (acceptExec, _reject, info) => {
        this.commands.push(info.command);
        const channel = acceptExec();
        if (this.options.onExec !== undefined) {
          this.options.onExec(info.command, channel);
          return;
        }
        channel.stderr.write(`sh: 1: ${info.command.split(' ')[0]}: not found\n`);
        channel.exit(127);
        channel.end();
      });
    });
    client.on('tcpip', (accept, reject, info) => {
      const socket = connect(info.destPort, info.destIP);
      socket.once('error', () => reject());
      socket.once('connect', () => join2(socket, accept()));
    });
    if (this.options.forwardStreamLocal !== false) {
      client.on('openssh.streamlocal', (accept, reject, info) => {
        const socket = connect(info.socketPath);
        socket.once('error', () => reject());
        socket.once('connect', () => join2(socket, accept()));
      });
    }
  }
}

/** A TCP server that does what the function says with each connection. */
export async function rawServer(
  onSocket: (socket: Socket) => void,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server.address()),
    [Symbol.asyncDispose]: () => {
      for (const socket of open) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Standard streams of a program that runs in this process, joined to a channel. */
export function stdioOf(channel: ServerChannel): { readonly input: PassThrough; readonly output: PassThrough } {
  const input = new PassThrough();
  const output = new PassThrough();
  channel.pipe(input);
  output.on('data', (chunk: Buffer) => channel.write(chunk));
  output.on('end', () => {
    channel.exit(0);
    channel.end();
  });
  output.on('close', () => {
    if (output.readableEnded) return;
    channel.exit(1);
    channel.end();
  });
  channel.on('close', () => input.destroy());
  return { input, output };
}

function join2(socket: Socket, channel: ServerChannel): void {
  socket.on('error', () => channel.close());
  channel.on('error', () => undefined);
  channel.on('close', () => socket.destroy());
  socket.pipe(channel).pipe(socket);
}

function parsed(line: string): ParsedKey {
  const key = ssh2.utils.parseKey(line);
  if (key instanceof Error) throw key;
  return key;
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}

function isSocket(value: unknown): value is Socket {
  return typeof value === 'object' && value !== null && 'resetAndDestroy' in value;
}
