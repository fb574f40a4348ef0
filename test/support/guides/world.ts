import { spawn, spawnSync, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeKey } from '../../unit/tunnel/ssh/test-server.js';
import type { Step } from './page.js';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
const HOST_SCRIPT = fileURLToPath(new URL('host.sh', import.meta.url));

/** A command of a page on a machine with much else to do. */
const STEP_MS = 240_000;

const ADDRESSES: Readonly<Record<string, string>> = { hv1: '127.0.1.1', hv2: '127.0.1.2', hv3: '127.0.1.3' };

/** Whether namespaces of our own can be made here, and what the hosts need is there. */
export function canMakeHosts(): boolean {
  if (process.getuid?.() !== 0 || !existsSync('/usr/sbin/sshd')) return false;
  return spawnSync('unshare', ['--net', '--mount', 'ip', 'link', 'set', 'lo', 'up']).status === 0;
}

/** Hosts hv1 to hv3 in one network namespace, each with a root shell. Disposing it ends all. */
export class World implements AsyncDisposable {
  readonly #dir = mkdtempSync(join(tmpdir(), 'xenferry-guide-'));
  readonly #hosts = new Map<string, HostShell>();

  private constructor(private readonly anchor: ChildProcess) {}

  static async make(): Promise<World> {
    const anchor = spawn(
      'unshare',
      ['--net', '--mount', '--kill-child', 'sh', '-c', 'ip link set lo up && echo up && exec sleep infinity'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(anchor.stdout, 'data');
    const world = new World(anchor);
    world.#lay();
    return world;
  }

  /** Folder of the page's files, for what a page writes to a fixed place. */
  get dir(): string {
    return this.#dir;
  }

  #lay(): void {
    const names = Object.keys(ADDRESSES);
    const hosts = Object.entries(ADDRESSES).map(([name, address]) => `${address} ${name}.example ${name}`);
    writeFileSync(join(this.#dir, 'hosts'), ['127.0.0.1 localhost', ...hosts, ''].join('\n'));
    mkdirSync(join(this.#dir, 'ssh'), { mode: 0o700 });
    const [key, hostKey] = [makeKey(), makeKey()];
    const files: Record<string, string> = {
      key: key.privateText,
      'key.pub': `${key.publicLine}\n`,
      host_key: hostKey.privateText,
      known_hosts: names.map((name) => `${name}.example,${name} ${hostKey.publicLine}\n`).join(''),
    };
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(this.#dir, 'ssh', name), text, { mode: 0o600 });
  }

  /** Runs a step; rejects with everything its host has printed where it fails. */
  async run(step: Step): Promise<void> {
    let host = this.#hosts.get(step.host);
    if (host === undefined) {
      host = new HostShell(this.#dir, step.host, this.anchor.pid!);
      this.#hosts.set(step.host, host);
    }
    await host.run(step);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts.values()) await host[Symbol.asyncDispose]();
    this.anchor.kill('SIGKILL');
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** The root shell of one host, in mount and process namespaces of its own: what it starts ends with it. */
class HostShell implements AsyncDisposable {
  readonly #shell: ChildProcessWithoutNullStreams;
  readonly #changed = new Set<() => void>();
  #output = '';
  #ended = false;
  #steps = 0;

  constructor(
    private readonly world: string,
    private readonly name: string,
    anchor: number,
  ) {
    const own = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'bash', '--norc', '--noprofile'];
    this.#shell = spawn('nsenter', ['-t', String(anchor), '-n', '-m', '--', 'unshare', ...own], {
      env: {
        PATH: process.env.PATH,
        TERM: 'dumb',
        HOST: name,
        WORLD: world,
        REPOSITORY,
        EXAMPLES: join(REPOSITORY, 'examples'),
      },
    });
    for (const stream of [this.#shell.stdout, this.#shell.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#tell();
      });
    this.#shell.stdin.on('error', () => undefined);
    this.#shell.on('close', () => {
      this.#ended = true;
      this.#tell();
    });
    this.#shell.stdin.write(`. '${HOST_SCRIPT}'\n`);
  }

  async run({ kind, text, line }: Step): Promise<void> {
    const commands = commandsOf(kind, text, ADDRESSES[this.name]);
    const number = ++this.#steps;
    const from = this.#output.length;
    const file = join(this.world, `${this.name}-step-${number}`);
    writeFileSync(file, `${commands}\n`);
    this.#shell.stdin.write(`set -eo pipefail; . '${file}'; echo "step ${number} done"\n`);
    await this.#until(() => this.#output.includes(`step ${number} done`, from), line);
    // A daemon that a step has started listens before the next one begins.
    if (/\bserve &$/m.test(commands)) await this.#until(() => this.#output.includes('"listening"', from), line);
  }

  async #until(there: () => boolean, line: number): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    let changed = (): void => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (why: string): void => {
          reject(new Error(`${this.name}, line ${line} of the page: ${why}\n${this.#output}`));
        };
        changed = () => {
          if (there()) resolve();
          else if (this.#ended) fail('failed');
        };
        this.#changed.add(changed);
        late = setTimeout(() => {
          fail(`not done after ${STEP_MS / 1000} s`);
        }, STEP_MS);
        changed();
      });
    } finally {
      clearTimeout(late);
      this.#changed.delete(changed);
    }
  }

  #tell(): void {
    for (const changed of [...this.#changed]) changed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    const closed = once(this.#shell, 'close');
    this.#shell.kill('SIGKILL');
    await closed;
  }
}

/** The hosts share one network: one that listens on all addresses listens on its own. */
function commandsOf(kind: Step['kind'], text: string, address: string): string {
  if (kind === 'toml')
    return `cat >/etc/xenferry/xenferry.conf <<'XENFERRY_CONF'\n${text.replaceAll('0.0.0.0', address)}\nXENFERRY_CONF`;
  if (kind === 'setup') {
    const [word, ...rest] = text.split(' ');
    return word === 'serve' ? 'setup_serve # serve &' : `setup_${word.replaceAll('-', '_')} ${rest.join(' ')}`;
  }
  return text;
}
