import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CommandModule } from 'yargs';
import { z } from '../../api/internal/schemas.js';
import { XenferryError } from '../../api/errors.js';
import { outColours } from '../colours.js';
import type { GlobalOptions } from '../open.js';
import { printLine } from '../output.js';
import { packageFile } from '../../api/process/package-root.js';
import { bytesText } from '../bytes-text.js';

/** This program, run again for each host and verb: the demo uses only commands that a user could type. */
const PROGRAM = fileURLToPath(packageFile('bin/xenferry.js'));
/** These hosts end with the demo: they need no monitor. */
const ENV = { ...process.env, XENFERRY_MONITOR: 'off' };
const GUEST_XML = fileURLToPath(packageFile('examples/busy.xml'));
const START_MS = 30_000;

const listeningSchema = z.object({ listening: z.string() });
const listSchema = z.array(z.object({ name: z.string(), state: z.string() }));
const infoSchema = z.object({
  state: z.string(),
  guest: z.object({ ticks: z.number(), checked: z.number(), bad: z.number() }),
});
const doneSchema = z.object({
  result: z.literal('done'),
  totalMs: z.number(),
  downtimeMs: z.number(),
  rawBytes: z.number(),
  wireBytes: z.number(),
  rounds: z.number(),
  digest: z.string(),
});

export const demoCommand: CommandModule<GlobalOptions, GlobalOptions> = {
  command: 'demo',
  describe: 'show a live migration between two simulated hosts on this machine',
  builder: (yargs) => yargs.example('$0 demo', 'no Xen, no root, nothing left behind'),
  handler: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'xenferry-demo-'));
    const demo = new Demo(folder);
    try {
      await demo.run();
    } finally {
      await demo.end();
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    }
  },
};

function failed(what: string): XenferryError {
  return new XenferryError('E_DEMO_FAILED', `the demo failed: ${what}`, { hint: 'The output above has the details.' });
}

class Demo {
  readonly #servers: ChildProcess[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async run(): Promise<void> {
    const ca = join(this.#folder, 'ca');
    const tls = join(this.#folder, 'tls');
    printLine({ text: '1. A certificate authority and a certificate for these two hosts', paint: outColours.bold });
    await this.#step(['pki', 'init', '--dir', ca, '--name', 'demo']);
    await this.#step(['pki', 'issue', '--dir', ca, '--host', '127.0.0.1', '--out', tls]);

    heading('2. Two embedded hosts, a process each');
    const [hostA, hostB] = [this.#uri('a'), this.#uri('b')];
    await this.#serve(hostA, tls);
    const addressB = await this.#serve(hostB, tls);

    heading('3. A guest of 512 MiB that keeps writing to its memory, on host A');
    await this.#step(['-c', hostA, 'create', GUEST_XML]);
    const before = await this.#info(hostA);

    heading('4. Its live migration to host B, over mutual TLS');
    const migrate = ['-c', hostA, 'migrate', '--live', 'busy', `xen+tls://${addressB}/system`, '--tls-dir', tls];
    this.#show(migrate);
    const moved = doneSchema.parse(await this.#result([...migrate, '--json', '--progress', 'bar']));

    heading('5. The guest checks every page of its memory on host B');
    const after = await this.#info(hostB);
    const onA = listSchema.parse(await this.#result(['-c', hostA, 'list', '--json']));
    const onB = listSchema.parse(await this.#result(['-c', hostB, 'list', '--json']));

    const checks: [string, boolean][] = [
      ['no copy is left on host A', onA.length === 0],
      ['exactly one copy runs on host B', onB.length === 1 && onB[0].state === 'running'],
      [
        `${after.guest.checked} pages checked, ${after.guest.bad} bad`,
        after.guest.checked > 0 && after.guest.bad === 0,
      ],
      [
        `its heartbeat continued: ${before.guest.ticks} ticks before, ${after.guest.ticks} now`,
        after.guest.ticks > before.guest.ticks,
      ],
    ];
    for (const [text, good] of checks) {
      const mark = good ? { text: '✔', paint: outColours.green } : { text: '✘', paint: outColours.red };
      printLine('  ', mark, ` ${text}`);
    }
    if (!checks.every(([, good]) => good)) throw failed('a check did not hold');
    heading(
      `Verdict: moved live in ${(moved.totalMs / 1000).toFixed(2)} s, downtime ${moved.downtimeMs} ms, ` +
        `${moved.rounds} rounds, ${bytesText(moved.rawBytes)} of stream, ${bytesText(moved.wireBytes)} on the wire, digests equal.`,
    );
  }

  async end(): Promise<void> {
    for (const server of this.#servers) {
      if (server.exitCode !== null || server.signalCode !== null) continue;
      server.kill('SIGTERM');
      await once(server, 'exit');
    }
  }

  #uri(host: string): string {
    return `embedded://${join(this.#folder, `host-${host}`)}`;
  }

  #show(words: readonly string[]): void {
    printLine({ text: `$ xenferry ${words.join(' ').replaceAll(this.#folder, '$D')}`, paint: outColours.dim });
  }

  /** Starts a host's server and returns the address that it printed. */
  async #serve(host: string, tls: string): Promise<string> {
    const words = ['-c', host, 'serve', '--listen', '127.0.0.1:0', '--tls-dir', tls, '--allow', '127.0.0.1'];
    this.#show(words);
    const server = spawn(process.execPath, [PROGRAM, ...words], { stdio: ['ignore', 'pipe', 'inherit'], env: ENV });
    this.#servers.push(server);
    const lines = createInterface(server.stdout);
    const first = await Promise.race([
      once(lines, 'line', { signal: AbortSignal.timeout(START_MS) }),
      once(server, 'exit').then(() => {
        throw failed('a host did not start');
      }),
    ]);
    return listeningSchema.parse(JSON.parse(String(first[0]))).listening;
  }

  async #step(words: readonly string[]): Promise<void> {
    this.#show(words);
    await this.#finish(
      spawn(process.execPath, [PROGRAM, ...words], { stdio: ['ignore', 'inherit', 'inherit'], env: ENV }),
      words,
    );
  }

  async #result(words: readonly string[]): Promise<unknown> {
    const child = spawn(process.execPath, [PROGRAM, ...words], { stdio: ['ignore', 'pipe', 'inherit'], env: ENV });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    await this.#finish(child, words);
    return JSON.parse(text);
  }

  async #finish(child: ChildProcess, words: readonly string[]): Promise<void> {
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw failed(`\`xenferry ${words.join(' ')}\` ended with ${code ?? 'a signal'}`);
  }

  async #info(host: string): Promise<z.infer<typeof infoSchema>> {
    const words = ['-c', host, 'dominfo', 'busy', '--json'];
    this.#show(words);
    return infoSchema.parse(await this.#result(words));
  }
}

function heading(text: string): void {
  printLine('');
  printLine({ text, paint: outColours.bold });
}
