import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { issueCertificate } from '../../src/pki/host-dir.js';
import { initAuthority } from '../../src/pki/authority-dir.js';
import { firstLine, run, runJson, start, type Finished, type Running } from './program.js';

const listedSchema = z.array(
  z.object({ id: z.number(), name: z.string(), uuid: z.string(), state: z.string(), persistent: z.boolean() }),
);
const infoSchema = z.object({
  name: z.string(),
  uuid: z.string(),
  state: z.string(),
  guest: z.object({ ticks: z.number(), checked: z.number(), bad: z.number(), memoryDigest: z.string().optional() }),
});
export type Info = z.infer<typeof infoSchema>;

const doneSchema = z.object({
  result: z.literal('done'),
  domain: z.string(),
  totalMs: z.number(),
  downtimeMs: z.number().nullable(),
  downtime: z
    .object({
      drainMs: z.number(),
      lastRoundMs: z.number(),
      restoreMs: z.number().nullable(),
      commitMs: z.number().nullable(),
      unpauseMs: z.number().nullable(),
    })
    .nullable(),
  rawBytes: z.number(),
  wireBytes: z.number(),
  rounds: z.number(),
  lanes: z.number(),
  transport: z.string(),
  reconnects: z.number(),
  digest: z.string(),
  persistent: z.boolean(),
  warnings: z.array(z.string()),
});
const failedSchema = z.object({
  result: z.literal('failed'),
  code: z.string(),
  phase: z.string(),
  guest: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
});
export type Done = z.infer<typeof doneSchema>;
export type Failed = z.infer<typeof failedSchema>;

/** What `migrate --json` printed. */
export function migrationResult(finished: Finished): Done | Failed {
  const last = finished.stdout.trim().split('\n').at(-1) ?? '';
  const parsed = z.union([doneSchema, failedSchema]).safeParse(last === '' ? undefined : JSON.parse(last));
  if (!parsed.success) throw new Error(`no result; exit ${finished.code}\n${finished.stdout}\n${finished.stderr}`);
  return parsed.data;
}

/** A simulated host of a test, in a folder of its own. */
export class TestHost {
  readonly dir: string;
  readonly uri: string;
  #server: Running | undefined;
  address = '';

  constructor(
    readonly name: string,
    root: string,
    private readonly tlsDir: string,
  ) {
    this.dir = join(root, name);
    this.uri = `embedded://${this.dir}`;
  }

  words(...words: string[]): string[] {
    return ['-c', this.uri, ...words];
  }

  run(...words: string[]): Promise<Finished> {
    return run(this.words(...words));
  }

  start(...words: string[]): Running {
    return start(this.words(...words));
  }

  /** Runs a verb that must succeed. */
  async must(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...words);
    if (code !== 0) throw new Error(`xenferry ${words.join(' ')} on ${this.name} ended with ${code}:\n${stderr}`);
    return stdout;
  }

  async list(): Promise<z.infer<typeof listedSchema>> {
    return listedSchema.parse(await runJson(this.words('list', '--json')));
  }

  async info(domain: string): Promise<Info> {
    return infoSchema.parse(await runJson(this.words('dominfo', domain, '--json')));
  }

  /** Makes a guest; returns its UUID. */
  async create(xml: string, ...options: string[]): Promise<void> {
    const file = join(this.dir, '..', `${this.name}-${process.hrtime.bigint()}.xml`);
    writeFileSync(file, xml);
    await this.must('create', file, ...options);
  }

  /** Serves every host of the authority, unless options name some. */
  serve(...options: string[]): Promise<Running> {
    const allow = options.includes('--allow') ? [] : ['--allow', '*'];
    return this.serveAllowed(...allow, ...options);
  }

  /** Serves the hosts that its options and its configuration allow. */
  async serveAllowed(...options: string[]): Promise<Running> {
    const listen = options.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
    const server = this.start('serve', '--tls-dir', this.tlsDir, ...listen, ...options);
    this.#server = server;
    this.address = z.object({ listening: z.string() }).parse(JSON.parse(await firstLine(server))).listening;
    return server;
  }

  get serverLog(): string {
    return this.#server?.stderr ?? '';
  }

  /** The words of a migration to another host, or to an address in front of it. */
  migrateWords(domain: string, to: TestHost | string, ...options: string[]): string[] {
    const address = typeof to === 'string' ? to : to.address;
    const words = ['migrate', '--live', '--json', domain, `xen+tls://${address}/system`, '--tls-dir', this.tlsDir];
    // Long enough to show that a migration outlives a cut, short enough to wait for its end.
    const reconnect = options.includes('--reconnect-timeout') ? [] : ['--reconnect-timeout', '3'];
    return [...words, ...reconnect, ...options];
  }

  async migrate(
    domain: string,
    to: TestHost | string,
    ...options: string[]
  ): Promise<{ code: number; result: Done | Failed; stderr: string }> {
    const finished = await this.run(...this.migrateWords(domain, to, ...options));
    return { code: finished.code, result: migrationResult(finished), stderr: finished.stderr };
  }

  /** Journals that are not settled. */
  async openMigrations(): Promise<unknown[]> {
    return z.array(z.unknown()).parse(await runJson(this.words('recover', '--list', '--json')));
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.kill(signal);
    await server.finished;
  }
}

/** Two hosts, their certificates, and a folder that goes away with them. */
export class TwoHosts implements AsyncDisposable {
  readonly root: string;
  readonly tlsDir: string;
  readonly caDir: string;
  readonly a: TestHost;
  readonly b: TestHost;

  private constructor(root: string) {
    this.root = root;
    this.caDir = join(root, 'ca');
    this.tlsDir = join(root, 'tls');
    this.a = new TestHost('a', root, this.tlsDir);
    this.b = new TestHost('b', root, this.tlsDir);
  }

  static async make(): Promise<TwoHosts> {
    const hosts = new TwoHosts(mkdtempSync(join(tmpdir(), 'xenferry-test-')));
    await initAuthority(hosts.caDir, { name: 'test' });
    await issueCertificate(hosts.caDir, { hosts: ['127.0.0.1', 'localhost'], out: hosts.tlsDir });
    return hosts;
  }

  /** A file's text under the root. */
  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  /** Folders that a migration might leave something in. */
  leftovers(host: TestHost): string[] {
    return readdirSync(join(host.dir, 'domains'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.a.stop();
    await this.b.stop();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 10 });
  }
}

export interface GuestOptions {
  readonly name?: string;
  readonly uuid?: string;
  readonly mib?: number;
  readonly workload?: string;
  readonly faults?: string;
}

/** Domain XML of a small guest. */
export function guestXml(options: GuestOptions = {}): string {
  return `<domain type='xen'>
  <name>${options.name ?? 'guest'}</name>
  ${options.uuid === undefined ? '' : `<uuid>${options.uuid}</uuid>`}
  <metadata>
    <embedded:guest xmlns:embedded='urn:xenferry:embedded:1' ${options.workload ?? "dirtyMiBPerSecond='8'"}>${options.faults ?? ''}</embedded:guest>
  </metadata>
  <memory unit='MiB'>${options.mib ?? 32}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='xenpvh'>xenpvh</type><kernel>/boot/vmlinuz</kernel></os>
</domain>
`;
}
