import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_DEADLINES, type Deadlines } from '../../../src/control/deadlines.js';
import type { Domain } from '../../../src/domain/model.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { LeaseFolder } from '../../../src/host/leases/lease-folder.js';
import { lockableDisks } from '../../../src/host/leases/lockable-disks.js';
import { migrate, type Migrated } from '../../../src/migration/migrate.js';
import { recover } from '../../../src/migration/recover/recover.js';
import { openMigrations } from '../../../src/journal/open-migrations.js';
import { AbortedError } from '../../../src/errors/errors.js';
import { asError } from '../../../src/errors/message-of.js';
import { HANDOVER, type HandoverMachines } from '../../../src/handover/machines.js';
import { openEmbedded } from '../../../src/toolstack/embedded/open.js';
import type { Toolstack } from '../../../src/toolstack/toolstack.js';
import { guestXml } from '../hosts.js';
import { whereIs, type Whereabouts } from '../oracle.js';
import { mendClock } from './clock.js';
import { Life, type SideName } from './life.js';
import { Moments, type Armed } from './moments.js';
import { Network } from './network.js';

/** So short that a case in which everything hangs ends soon, and so long that a busy machine is not taken for a hung one. */
const SHORT: Deadlines = {
  connectMs: 1500,
  prepareMs: 2500,
  stallMs: 1500,
  reconnectMs: 600,
  restoreMs: 2000,
  finishMs: 3000,
  askMs: 2000,
  callMs: 1200,
  jobMs: 3000,
};
/** What a person has: time enough; a call that hangs ends before the command counts as hung. */
const PATIENT: Deadlines = { ...DEFAULT_DEADLINES, reconnectMs: 1000, callMs: 10_000 };
/** A migration that takes longer than all of its deadlines together hangs. */
const ATTEMPT_MS = 40_000;
/** So often may somebody try to settle things, with everything mended. */
const ROUNDS = 6;
const GUEST_MIB = 4;

/** How an attempt ended; `killed` where its process did not live to tell. */
export type Attempt =
  | { readonly how: 'done'; readonly report: Migrated }
  | { readonly how: 'failed'; readonly error: Error }
  | { readonly how: 'killed' };

export interface Copy {
  readonly side: SideName;
  readonly state: Whereabouts;
}

/** Two hosts, the network between them, one guest, and what is wrong with all of that: the stage of one case. */
export class World implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'xenferry-case-'));
  readonly uuid = randomUUID();
  readonly moments = new Moments();
  readonly network = new Network(this.moments);
  /** A fault has stopped the guest itself. */
  guestStops = false;
  readonly #lives: Life[] = [];
  readonly #now = new Map<SideName, Life>();
  readonly #later = new Set<Promise<unknown>>();
  readonly #abandoned: Promise<unknown>[] = [];
  readonly #over = new AbortController();
  #cancel = new AbortController();
  #abandon = new AbortController();

  private constructor(private readonly handover: HandoverMachines) {}

  /** @param handover the rules that every process of both hosts follows */
  static async make(handover: HandoverMachines = HANDOVER): Promise<World> {
    const world = new World(handover);
    mkdirSync(world.#leaseDir);
    await world.#birth();
    world.moments.open = false;
    // What sets the stage has time: only the case itself is held to the short deadlines.
    const starter = await world.begin('source');
    await world.#lease(starter);
    await starter.close();
    await world.begin('source', SHORT);
    await (await world.begin('dest', SHORT)).serve();
    world.moments.open = true;
    return world;
  }

  dirOf(side: SideName): string {
    return join(this.root, side);
  }

  get dirs(): string[] {
    return [this.dirOf('source'), this.dirOf('dest')];
  }

  life(side: SideName): Life {
    return this.#now.get(side)!;
  }

  /** What a fault does behind the moment at which it struck. */
  later(work: Promise<unknown>): void {
    const quiet = work.catch(() => undefined);
    this.#later.add(quiet);
    void quiet.finally(() => this.#later.delete(quiet));
  }

  /** Ctrl-C. */
  cancel(): void {
    this.#cancel.abort(new AbortedError('stopped by Ctrl-C'));
  }

  /** Ctrl-C once more. */
  abandon(): void {
    this.#abandon.abort(new AbortedError('stopped by Ctrl-C'));
  }

  /** The next process of a host. */
  async begin(side: SideName, deadlines: Deadlines = PATIENT): Promise<Life> {
    const life = await this.#beginLife(side, deadlines);
    this.#lives.push(life);
    this.#now.set(side, life);
    return life;
  }

  #beginLife(side: SideName, deadlines: Deadlines): Promise<Life> {
    const { moments, network, handover } = this;
    return Life.begin(side, this.dirOf(side), deadlines, moments, network, this.#over.signal, undefined, handover);
  }

  /** A toolstack that nothing is wrong with. */
  toolstack(side: SideName): Promise<Toolstack> {
    return openEmbedded(this.dirOf(side));
  }

  async #birth(): Promise<void> {
    const toolstack = await this.toolstack('source');
    await toolstack.unpause(await toolstack.create({ domain: this.#guest }));
  }

  get #guest(): Domain {
    const disk = "<disk type='file'><source file='/srv/a.img'/><target dev='xvda' bus='xen'/></disk>";
    const xml = guestXml({ uuid: this.uuid, mib: GUEST_MIB, workload: "dirtyMiBPerSecond='1'" });
    return parseDomainXml(xml.replace('</os>', `</os><devices>${disk}</devices>`), { trust: 'user' });
  }

  get #leaseDir(): string {
    return join(this.root, 'leases');
  }

  /** As a start takes it. */
  async #lease({ host }: Life): Promise<void> {
    await host.leases.prepare({ domain: this.#guest, how: 'booted' }, this.#over.signal);
  }

  /** The sides whose leases of the guest's disk are written down now: nobody else may have any. */
  async leaseHolders(): Promise<string[]> {
    const [disk] = await lockableDisks(this.#guest);
    const current = await new LeaseFolder(this.#leaseDir).read(disk.key, this.#over.signal);
    const ids = new Map(
      (['source', 'dest'] as const).map((side) => [
        readFileSync(join(this.dirOf(side), 'xenferry', 'leases', 'host-id'), 'utf8').trim(),
        side,
      ]),
    );
    return (current?.record.holders ?? []).map(({ hostId }) => ids.get(hostId) ?? hostId);
  }

  /** One `xenferry migrate`, with what is armed going wrong. */
  async attempt(armed: readonly Armed[]): Promise<Attempt> {
    this.moments.arm(armed);
    return this.#migrate('source', 'dest');
  }

  async #migrate(from: SideName, to: SideName): Promise<Attempt> {
    const life = this.life(from);
    const work = (async () =>
      migrate(life.host, {
        domain: this.uuid,
        destination: 'memory',
        connect: await life.connectTo(() => this.life(to)),
        live: true,
        suspend: false,
        lanes: 2,
        cancel: this.#cancel.signal,
        abandon: this.#abandon.signal,
        withoutWasm: process.env.XENFERRY_ENCODER === 'typescript',
        onProgress: () => undefined,
      }))();
    const told = work.then(
      (report): Attempt => ({ how: 'done', report }),
      (error: unknown): Attempt => ({ how: 'failed', error: asError(error) }),
    );
    this.#abandoned.push(told);
    return await this.#orDead(life, told, { how: 'killed' }, 'the migration');
  }

  /** What the process comes to, or that it was killed; a process that does neither hangs, which is a failed case. */
  async #orDead<T>(life: Life, work: Promise<T>, killed: T, what: string): Promise<T> {
    const over = new AbortController();
    try {
      return await Promise.race([
        work,
        new Promise<T>((resolve) => {
          const end = (): void => resolve(killed);
          if (life.dead) end();
          life.death.addEventListener('abort', end, { once: true });
        }),
        sleep(ATTEMPT_MS, undefined, { signal: over.signal }).then(() => {
          throw new Error(`${what} did not end within ${ATTEMPT_MS / 1000} s`);
        }),
      ]);
    } finally {
      over.abort();
    }
  }

  /** Everything is mended, dead processes are started again, and both sides recover, as an operator would do it. */
  async settle(): Promise<void> {
    await Promise.all([...this.#later]);
    // What a destination does behind the guest's back belongs to the attempt; a dead one does nothing more.
    for (const life of this.#now.values())
      await this.#orDead(life, life.host.leases.idle(), undefined, 'keeping leases');
    mendClock();
    this.network.heal();
    this.#cancel = new AbortController();
    this.#abandon = new AbortController();
    let open: string[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      this.network.heal(); // a fault may strike in the round before
      // Who serves goes on as it is where it can.
      if (!this.life('dest').listens) await this.#serveAgain('dest');
      // One that is killed may have left something else than an open migration behind: a lease.
      const toTheEnd = [await this.#recoverOn('dest'), await this.#recoverOn('source')].every(Boolean);
      // What a source that is no more had begun here ends by itself, when it is not heard of again.
      const serving = this.life('dest');
      if (serving.listens) await this.#orDead(serving, serving.drained(), undefined, 'what had begun to arrive');
      open = await this.#open();
      if (open.length === 0 && toTheEnd && this.life('dest').listens) return;
    }
    throw new Error(`not settled after ${ROUNDS} rounds of recover: ${open.join('; ')}`);
  }

  async #serveAgain(side: SideName): Promise<void> {
    const life = await this.begin(side);
    const serving = life.serve().catch((error: unknown) => {
      life.log.push(`serve: ${asError(error).message}`);
    });
    this.#abandoned.push(serving);
    await this.#orDead(life, serving, undefined, 'serve');
  }

  /** `xenferry recover`: a process of its own. Resolves to false where it was killed. */
  async #recoverOn(side: SideName): Promise<boolean> {
    const serving = this.life(side);
    const life = await this.begin(side);
    const recovering = recover(life.host, {
      signal: AbortSignal.timeout(20_000),
      connectTo: () => life.connectTo(() => this.#listening(side === 'source' ? 'dest' : 'source')),
    }).then(
      (results) => {
        life.log.push(...results.map((one) => one.result));
        return true;
      },
      (error: unknown) => {
        life.log.push(asError(error).message);
        return true;
      },
    );
    this.#abandoned.push(recovering);
    const ended = await this.#orDead(life, recovering, false, 'recover');
    if (serving.listens) this.#now.set(side, serving);
    return ended;
  }

  #listening(side: SideName): Life | undefined {
    return this.#lives.findLast((life) => life.name === side && life.listens);
  }

  async #open(): Promise<string[]> {
    const found: string[] = [];
    for (const side of ['source', 'dest'] as const) {
      const life = await this.begin(side);
      for (const entry of openMigrations(life.host.journal.list()))
        found.push(`${side}: ${entry.state?.state ?? 'begun'}`);
      await life.close();
      const listening = this.#listening(side);
      if (listening !== undefined) this.#now.set(side, listening);
    }
    return found;
  }

  copies(): Copy[] {
    return (['source', 'dest'] as const).flatMap((side) =>
      whereIs(this.uuid, [this.dirOf(side)]).map(({ state }): Copy => ({ side, state })),
    );
  }

  /** Domain folders of a host: what a migration might leave something in. */
  domainFolders(side: SideName): string[] {
    return readdirSync(join(this.dirOf(side), 'domains'));
  }

  /** The guest checks its own memory. */
  async badPages(): Promise<number> {
    for (const { side } of this.copies()) {
      const toolstack = await this.toolstack(side);
      const info = await toolstack.lookup(this.uuid);
      if (info === undefined) continue;
      const report = await toolstack.guestReport(info.domid);
      if (report === undefined || report.checked === 0) throw new Error('the guest checked nothing');
      return report.bad;
    }
    throw new Error('there is no guest to ask');
  }

  /** A second migration, from wherever the guest is, with nothing wrong any more. */
  async again(): Promise<Attempt> {
    this.moments.open = false;
    // What went wrong while things were settled went wrong then.
    await Promise.all([...this.#later]);
    mendClock();
    this.network.heal();
    this.#cancel = new AbortController();
    this.#abandon = new AbortController();
    if (this.guestStops && this.copies().every(({ state }) => state === 'shutdown')) {
      for (const { side } of this.copies()) {
        const toolstack = await this.toolstack(side);
        const info = await toolstack.lookup(this.uuid);
        if (info !== undefined) await toolstack.destroy(info.domid);
      }
      await this.#birth();
    }
    const from = this.copies()[0].side;
    const to = from === 'source' ? 'dest' : 'source';
    await this.begin(from);
    // Time enough from here on: what served so far has the short deadlines of the case.
    for (const life of this.#lives) if (life.listens) await life.stop();
    await this.#serveAgain(to);
    return this.#migrate(from, to);
  }

  /** Jobs that somebody still holds. */
  async heldJobs(): Promise<string[]> {
    const found: string[] = [];
    for (const side of ['source', 'dest'] as const) {
      const life = await this.#beginLife(side, PATIENT);
      found.push(...life.host.jobs.running().map((job) => `${side}: ${job.what}`));
      await life.close();
    }
    return found;
  }

  get log(): string {
    return this.#lives.map((life) => `${life.name}: ${life.log.join(' | ')}`).join('\n');
  }

  /** Everything that was abandoned has ended: nothing may hang for ever. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.moments.open = false;
    this.network.heal();
    this.#over.abort(new Error('the case is over'));
    try {
      for (const life of this.#lives) await life.close();
      const over = new AbortController();
      const all = Promise.allSettled([...this.#abandoned, ...this.#later]);
      const late = sleep(ATTEMPT_MS, 'late', { signal: over.signal });
      if ((await Promise.race([all, late])) === 'late') throw new Error('something that was abandoned never ended');
      over.abort();
      late.catch(() => undefined);
    } finally {
      rmSync(this.root, { recursive: true, force: true, maxRetries: 10 });
    }
  }
}
