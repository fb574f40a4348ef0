import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { TestHome, TestKey } from './test-server.js';

const SSHD = '/usr/sbin/sshd';

/** Whether an OpenSSH server can be started here: root needs sshd's empty folder. */
export function hasOpenSsh(): boolean {
  if (!existsSync(SSHD)) return false;
  if (process.getuid?.() !== 0) return true;
  try {
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    return true;
  } catch {
    return false;
  }
}

/** A real sshd on 127.0.0.1 with keys and configuration of its own. Disposing it ends it. */
export class OpenSshServer implements AsyncDisposable {
  private constructor(
    readonly port: number,
    private readonly daemon: ChildProcess,
  ) {}

  static async start(
    home: TestHome,
    hostKeys: readonly TestKey[],
    authorized: readonly TestKey[],
    extra: readonly string[] = [],
  ): Promise<OpenSshServer> {
    const port = await freePort();
    hostKeys.forEach((key, index) => home.write(`host_key_${index}`, key.privateText));
    const authorizedPath = home.write('authorized_keys', authorized.map((key) => `${key.publicLine}\n`).join(''));
    const config = join(home.dir, 'sshd_config');
    writeFileSync(
      config,
      [
        ...extra,
        'ListenAddress 127.0.0.1',
        `Port ${port}`,
        ...hostKeys.map((_, index) => `HostKey ${join(home.dir, '.ssh', `host_key_${index}`)}`),
        `AuthorizedKeysFile ${authorizedPath}`,
        'PidFile none',
        'StrictModes no',
        'UsePAM no',
        'PasswordAuthentication no',
        'ExposeAuthInfo yes',
        'KbdInteractiveAuthentication no',
        'PermitRootLogin yes',
        'LogLevel INFO',
        '',
      ].join('\n'),
    );
    const daemon = spawn(SSHD, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    const started = new OpenSshServer(port, daemon);
    await listening(daemon);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.daemon.exitCode !== null || this.daemon.signalCode !== null) return;
    const gone = once(this.daemon, 'exit');
    this.daemon.kill();
    await gone;
  }
}

async function listening(daemon: ChildProcess): Promise<void> {
  let log = '';
  await new Promise<void>((resolve, reject) => {
    daemon.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('Server listening')) resolve();
    });
    daemon.once('error', reject);
    daemon.once('exit', () => reject(new Error(`sshd did not start: ${log}`)));
  });
}

/** sshd cannot take port 0: one that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
