import { appendFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Deadlines } from '../../../src/control/deadlines.js';
import { connectThrough } from '../../../src/migration/connect/connect.js';
import { Host } from '../../../src/host/host.js';
import type { Job } from '../../../src/host/jobs/job.js';
import { AccessRules } from '../../../src/host/access/access-rules.js';
import { MigrationServer } from '../../../src/migration/server/migration-server.js';
import { LeaseFolder } from '../../../src/host/leases/lease-folder.js';
import type { LeaseStore } from '../../../src/host/leases/lease-table.js';
import { SystemError } from '../../../src/errors/errors.js';
import { HANDOVER, type HandoverMachines } from '../../../src/handover/machines.js';
import type { JournalFile } from '../../../src/journal/journal.js';
import type { Connect } from '../../../src/source/destination.js';
import { openEmbedded } from '../../../src/toolstack/embedded/open.js';
import type { FrameLink } from '../../../src/tunnel/frame-link.js';
import { callThrough, hookToolstack, type CallGate } from './hooked-toolstack.js';
import type { Effect, Moments } from './moments.js';
import type { Caller, Listener, Network } from './network.js';

/** What a journal moment may bring: the disk's own errors, by their names. */
export function diskError(errno: 'ENOSPC' | 'EIO' | 'EMFILE'): Error {
  return Object.assign(new Error(`${errno}: told to fail, write`), { code: errno, errno: -5, syscall: 'write' });
}

/** Looks at leases are as they are; each change has a moment before and one behind it. */
function hookLeases(folder: LeaseFolder, gate: CallGate): LeaseStore {
  return {
    id: (signal) => folder.id(signal),
    read: (key, signal) => folder.read(key, signal),
    change: (key, change, signal) => callThrough(gate, 'lease', signal, () => folder.change(key, change, signal)),
  };
}

/** A record that is cut off in its middle, as by a disk that fills up. */
export class HalfWritten extends Error {}

/** The two sides of a case. */
export type SideName = 'source' | 'dest';

/** One process of a host: it can be killed at any moment, and then nothing that it still does has an effect. */
export class Life implements Listener, Caller, CallGate {
  readonly host: Host;
  readonly log: string[] = [];
  readonly #death = new AbortController();
  readonly #jobs = new Set<Job>();
  readonly #journals = new Set<JournalFile>();
  readonly #outliving = new Set<Promise<unknown>>();
  #migrationServer: MigrationServer | undefined;
  #thaw: Promise<void> = Promise.resolve();

  private constructor(
    readonly name: string,
    readonly dir: string,
    toolstack: Awaited<ReturnType<typeof openEmbedded>>,
    deadlines: Deadlines,
    private readonly moments: Moments,
    private readonly network: Network,
    readonly over: AbortSignal,
    maxMigrations: number | undefined,
    handover: HandoverMachines,
  ) {
    this.host = new Host({
      toolstack: hookToolstack(toolstack, dir, this),
      stateDir: join(dir, 'xenferry'),
      deadlines,
      maxMigrations,
      pid: process.pid,
      version: 'test',
      participants: [],
      handover,
      // A folder that both hosts see.
      leaseDir: join(dirname(dir), 'leases'),
      openLeases: (leaseDir) => hookLeases(new LeaseFolder(leaseDir), this),
      log: (line) => this.log.push(line),
    });
    this.#hookJournal();
    this.#hookJobs();
  }

  static async begin(
    name: string,
    dir: string,
    deadlines: Deadlines,
    moments: Moments,
    network: Network,
    over: AbortSignal,
    maxMigrations?: number,
    handover: HandoverMachines = HANDOVER,
  ): Promise<Life> {
    return new Life(name, dir, await openEmbedded(dir), deadlines, moments, network, over, maxMigrations, handover);
  }

  get hostName(): string {
    return basename(this.dir);
  }

  get dead(): boolean {
    return this.#death.signal.aborted;
  }

  get death(): AbortSignal {
    return this.#death.signal;
  }

  thawed(): Promise<void> {
    return this.#thaw;
  }

  reach(moment: string): Effect | Promise<Effect> {
    return this.moments.reach(`${this.name}:${moment}`);
  }

  outlive(work: Promise<unknown>): void {
    this.#outliving.add(work);
    void work.finally(() => this.#outliving.delete(work));
  }

  /** Begins to take links in, as `serve` does: what an earlier process left is settled first. */
  async serve(): Promise<void> {
    const migrationServer = new MigrationServer(
      this.host,
      await this.host.hello(),
      (line) => this.log.push(line),
      new AccessRules(['*']),
    );
    await migrationServer.recover();
    if (!this.dead) this.#migrationServer = migrationServer;
  }

  /** True once `serve` is ready. */
  get listens(): boolean {
    return this.#migrationServer !== undefined && !this.dead;
  }

  take(link: FrameLink): void {
    void this.#migrationServer?.acceptFramed(link);
  }

  /** The way to whichever process listens at the other host. */
  async connectTo(listener: () => Listener | undefined): Promise<Connect> {
    return connectThrough(this.network.dialer(this, listener), await this.host.hello());
  }

  /** kill -9: its locks and connections go with it, its agents see that it has gone, and nothing else happens any more. */
  kill(): void {
    if (this.dead) return;
    this.#death.abort(new Error(`the ${this.name} process was killed`));
    this.network.sever(this);
    for (const job of this.#jobs) job[Symbol.dispose]();
    for (const file of this.#journals) file[Symbol.dispose]();
  }

  /** SIGSTOP: its calls wait; the caller stops the network as well. */
  freeze(until: Promise<void>): void {
    this.#thaw = until;
  }

  /** Every link that was taken has ended, and what came over it has settled. */
  async drained(): Promise<void> {
    await this.#migrationServer?.drained();
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    const migrationServer = this.#migrationServer;
    this.#migrationServer = undefined;
    await migrationServer?.[Symbol.asyncDispose]();
  }

  /** What its agents still had to do has ended. */
  async agentsDone(): Promise<void> {
    await Promise.allSettled([...this.#outliving]);
  }

  async close(): Promise<void> {
    if (!this.dead) await this.stop();
    await this.agentsDone();
    await this.host[Symbol.asyncDispose]();
  }

  #mustLive(): void {
    if (this.dead) throw new Error('a dead process writes no journal');
  }

  #record(what: string, path: string | undefined, write: () => void): void {
    const strike = (moment: string): void => {
      this.#mustLive();
      const effect = this.moments.reachNow(`${this.name}:journal-${what}:${moment}`);
      if (effect instanceof HalfWritten && path !== undefined) appendFileSync(path, '0badc0de {"state":"kept","a');
      if (effect instanceof Error) {
        throw new SystemError('E_SYSTEM_JOURNAL', `cannot write the journal: ${what}`, {
          cause: effect,
          hint: 'Make room on the disk, or mend it.',
        });
      }
      this.#mustLive();
    };
    strike('before');
    write();
    strike('after');
  }

  #hookFile(file: JournalFile): JournalFile {
    this.#journals.add(file);
    const append = file.append.bind(file);
    file.append = (state) => {
      const known = state.state === 'receiving' && state.domid !== undefined ? 'receiving-domid' : state.state;
      this.#record(known, file.path, () => append(state));
    };
    return file;
  }

  #hookJournal(): void {
    const { journal } = this.host;
    const begin = journal.begin.bind(journal);
    const resume = journal.resume.bind(journal);
    journal.begin = (header) => {
      let file: JournalFile | undefined;
      try {
        this.#record('begin', undefined, () => {
          file = begin(header);
        });
      } catch (error) {
        file?.[Symbol.dispose]();
        throw error;
      }
      return this.#hookFile(file!);
    };
    journal.resume = (migration, side) => this.#hookFile(resume(migration, side));
  }

  #hookJobs(): void {
    const { jobs } = this.host;
    const take = jobs.take.bind(jobs);
    jobs.take = async (...words) => {
      const job = await take(...words);
      if (this.dead) {
        job[Symbol.dispose]();
        throw new Error('a dead process takes no job');
      }
      this.#jobs.add(job);
      return job;
    };
  }
}
