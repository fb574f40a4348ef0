import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_DEADLINES, type Deadlines } from '../../src/control/deadlines.js';
import type { PeerRules } from '../../src/host/access/peer-policy.js';
import { Host } from '../../src/host/host.js';
import type { LifecycleParticipant } from '../../src/host/participants/lifecycle-participant.js';
import { openEmbedded } from '../../src/toolstack/embedded/open.js';
import type { Toolstack } from '../../src/toolstack/toolstack.js';

export const never = new AbortController().signal;

/** A start as `xenferry start` does it. */
export const BOOT = { paused: false, forceBoot: false, signal: never, onEvent: (): void => undefined } as const;

export interface LocalHostOptions {
  readonly participants?: readonly LifecycleParticipant[];
  readonly deadlines?: Partial<Deadlines>;
  /** Folder of disk leases. */
  readonly leaseDir?: string;
  /** The switch of the host's configuration. */
  readonly nestedHvm?: boolean;
  /** What guests of other hosts may name of it. */
  readonly peers?: PeerRules;
  /** The host's name. */
  readonly hostname?: string;
  /** Puts something between the host and its embedded toolstack. */
  readonly around?: (toolstack: Toolstack) => Toolstack;
}

/** An embedded host in this process, in a folder that goes away with it. */
export class LocalHost implements AsyncDisposable {
  readonly log: string[] = [];
  readonly stateDir: string;
  readonly #opened: Host[] = [];

  private constructor(
    readonly dir: string,
    private readonly options: LocalHostOptions,
  ) {
    this.stateDir = join(dir, 'xenferry');
  }

  static async make(options: LocalHostOptions = {}): Promise<LocalHost> {
    const made = new LocalHost(mkdtempSync(join(tmpdir(), 'xenferry-host-')), options);
    await made.open();
    return made;
  }

  /** The host as the last `open` found it. */
  get host(): Host {
    return this.#opened[this.#opened.length - 1];
  }

  /** Opens the same host once more, as another process would. */
  async open(): Promise<Host> {
    const toolstack = await openEmbedded(this.dir);
    const host = new Host({
      toolstack: this.options.around?.(toolstack) ?? toolstack,
      stateDir: this.stateDir,
      deadlines: { ...DEFAULT_DEADLINES, ...this.options.deadlines },
      pid: process.pid,
      version: 'test',
      participants: this.options.participants ?? [],
      leaseDir: this.options.leaseDir,
      nestedHvm: this.options.nestedHvm,
      peers: this.options.peers,
      log: (line) => this.log.push(line),
    });
    this.#opened.push(host);
    return host;
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#opened) await host[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** A participant that writes down what it is told, and objects where it is told to. */
export class Recorder implements LifecycleParticipant {
  readonly name = 'recorder';
  readonly heard: string[] = [];
  /** The step that fails. */
  objects: 'prepare' | 'start' | 'started' | 'stopped' | undefined;

  #step(step: string, name: string): Promise<void> {
    this.heard.push(`${step} ${name}`);
    return step === this.objects ? Promise.reject(new Error(`${step} objects`)) : Promise.resolve();
  }

  prepare: NonNullable<LifecycleParticipant['prepare']> = ({ domain }) => this.#step('prepare', domain.name);
  start: NonNullable<LifecycleParticipant['start']> = ({ domain }) => this.#step('start', domain.name);
  started: NonNullable<LifecycleParticipant['started']> = ({ domain }) => this.#step('started', domain.name);
  stopped: NonNullable<LifecycleParticipant['stopped']> = ({ name }) => this.#step('stopped', name);
  release: NonNullable<LifecycleParticipant['release']> = ({ name }) => this.#step('release', name);
  changed: NonNullable<LifecycleParticipant['changed']> = ({ name, change }) =>
    void this.heard.push(`${change.event}/${change.detail} ${name}`);

  /** What was heard since the last call. */
  take(): string[] {
    return this.heard.splice(0);
  }
}
