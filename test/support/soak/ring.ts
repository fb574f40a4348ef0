import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_DEADLINES, type Deadlines } from '../../../src/control/deadlines.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { migrate } from '../../../src/migration/migrate.js';
import { recover } from '../../../src/migration/recover/recover.js';
import { openMigrations } from '../../../src/journal/open-migrations.js';
import { messageOf } from '../../../src/errors/message-of.js';
import { openEmbedded } from '../../../src/toolstack/embedded/open.js';
import { guestXml } from '../hosts.js';
import { Life } from '../matrix/life.js';
import { Network } from '../matrix/network.js';
import { randomFrom } from '../matrix/random.js';
import { assertNeverTwice, whereIs } from '../oracle.js';
import { RandomMoments } from './random-moments.js';

const HOSTS = ['a', 'b', 'c'] as const;
type HostName = (typeof HOSTS)[number];

const BUSY: Deadlines = {
  connectMs: 2000,
  prepareMs: 4000,
  stallMs: 2500,
  reconnectMs: 1500,
  restoreMs: 4000,
  finishMs: 5000,
  askMs: 2000,
  callMs: 2000,
  jobMs: 3000,
};
const PATIENT: Deadlines = { ...DEFAULT_DEADLINES, reconnectMs: 2000 };
/** A command that takes longer hangs. */
const COMMAND_MS = 60_000;
/** So often may everything be settled once nothing goes wrong any more. */
const ROUNDS = 8;
const GUEST_MIB = 4;

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly guests?: number;
  /** Chance of a fault at each moment. */
  readonly chance?: number;
  /** Guests that move at the same time. */
  readonly atOnce?: number;
}

export interface SoakReport {
  readonly seed: number;
  readonly seconds: number;
  readonly guests: number;
  readonly migrations: number;
  /** Of these, so many arrived, as they were told; the others went back, were killed or were in doubt. */
  readonly arrived: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Times that somebody ran `recover`, or started a host's process again. */
  readonly recoveries: number;
  /** Guests that had arrived, and were let run by hand as their migration had said. */
  readonly resumed: number;
  readonly pagesChecked: number;
  readonly problems: readonly string[];
}

/** Three hosts, each of which takes guests in from the others, and guests that are moved round while things go wrong. */
class Ring {
  readonly root = mkdtempSync(join(tmpdir(), 'xenferry-soak-'));
  readonly moments: RandomMoments;
  readonly network: Network;
  readonly guests: string[] = [];
  migrations = 0;
  arrived = 0;
  recoveries = 0;
  resumed = 0;
  readonly #over = new AbortController();
  readonly #serving = new Map<HostName, Life>();
  readonly #commands = new Set<Life>();
  readonly #abandoned: Promise<unknown>[] = [];
  #deadlines = BUSY;
  #count = 0;

  constructor(
    private readonly random: () => number,
    chance: number,
  ) {
    this.moments = new RandomMoments(random, chance);
    this.network = new Network(this.moments);
  }

  dirOf(host: HostName): string {
    return join(this.root, host);
  }

  get dirs(): string[] {
    return HOSTS.map((host) => this.dirOf(host));
  }

  async birth(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const uuid = randomUUID();
      const toolstack = await openEmbedded(this.dirOf(HOSTS[index % HOSTS.length]));
      const xml = guestXml({ name: `guest-${index}`, uuid, mib: GUEST_MIB, workload: "dirtyMiBPerSecond='1'" });
      await toolstack.unpause(await toolstack.create({ domain: parseDomainXml(xml, { trust: 'user' }) }));
      this.guests.push(uuid);
    }
  }

  async #life(host: HostName, name: string): Promise<Life> {
    return Life.begin(name, this.dirOf(host), this.#deadlines, this.moments, this.network, this.#over.signal);
  }

  /** Starts a host's process, or starts it again. */
  async serve(host: HostName): Promise<void> {
    const life = await this.#life(host, host);
    this.#serving.set(host, life);
    const serving = life.serve().catch(() => {
      life.kill(); // it could not start: the next one may
    });
    this.#abandoned.push(serving);
    await this.#orDead(life, serving, 'serve');
  }

  async keepServing(): Promise<void> {
    for (const host of HOSTS) {
      const life = this.#serving.get(host);
      if (!life?.dead) continue;
      this.recoveries += 1;
      await life.close();
      await this.serve(host);
    }
  }

  begin(): void {
    this.moments.begin(() => [...this.#serving.values(), ...this.#commands], this.network);
  }

  async #orDead(life: Life, work: Promise<unknown>, what: string): Promise<void> {
    const over = new AbortController();
    const dead = new Promise<void>((resolve) => {
      if (life.dead) resolve();
      life.death.addEventListener('abort', () => resolve(), { once: true });
    });
    const late = sleep(COMMAND_MS, undefined, { signal: over.signal }).then(
      () => Promise.reject(new Error(`${what} did not end within ${COMMAND_MS / 1000} s`)),
      () => undefined,
    );
    try {
      await Promise.race([work, dead, late]);
    } finally {
      over.abort();
    }
  }

  /** A verb: a process of its own on a host, which may be killed at any moment. */
  async #command(host: HostName, what: string, work: (life: Life) => Promise<unknown>): Promise<void> {
    this.#count += 1;
    const life = await this.#life(host, `${host}-${what}-${this.#count}`);
    this.#commands.add(life);
    const done = work(life).catch(() => undefined); // what it says is judged at the end, by what there is
    this.#abandoned.push(done);
    try {
      await this.#orDead(life, done, what);
    } finally {
      this.#commands.delete(life);
      await life.close();
    }
  }

  #hostOf(destination: string): HostName {
    const host = HOSTS.find((name) => destination === `memory:${name}`);
    if (host === undefined) throw new Error(`${destination} is no host of the ring`);
    return host;
  }

  #connect(life: Life, destination: string): ReturnType<Life['connectTo']> {
    const host = this.#hostOf(destination);
    return life.connectTo(() => {
      const serving = this.#serving.get(host);
      return serving?.listens === true ? serving : undefined;
    });
  }

  /** One guest, one step, wherever it is now. */
  async step(uuid: string): Promise<void> {
    const running = HOSTS.filter((host) =>
      whereIs(uuid, [this.dirOf(host)]).some(({ state }) => state === 'running' || state === 'suspended'),
    );
    const from: HostName | undefined = running.at(Math.floor(this.random() * running.length));
    if (from === undefined) {
      // Between two hosts: the copy waits for its commit to be told, which a recovery does.
      await this.recover(HOSTS[Math.floor(this.random() * HOSTS.length)]);
      return;
    }
    const others = HOSTS.filter((host) => host !== from);
    const destination = `memory:${others[Math.floor(this.random() * others.length)]}`;
    const arrived: true[] = [];
    this.migrations += 1;
    const never = new AbortController().signal;
    await this.#command(from, 'migrate', async (life) => {
      const connect = await this.#connect(life, destination);
      const onProgress = (): void => undefined;
      const words = { live: true, suspend: false, lanes: 2, cancel: never, abandon: never, onProgress };
      const report = await migrate(life.host, { domain: uuid, destination, connect, ...words });
      if (report.warnings.length === 0) arrived.push(true);
    });
    if (arrived.length > 0) this.arrived += 1;
    else await this.recover(from);
  }

  async recover(host: HostName): Promise<void> {
    this.recoveries += 1;
    await this.#command(host, 'recover', (life) =>
      recover(life.host, {
        signal: AbortSignal.timeout(COMMAND_MS / 2),
        connectTo: (destination) => this.#connect(life, destination),
      }),
    );
  }

  /** Nothing goes wrong any more, and everything is settled. */
  async settle(): Promise<void> {
    this.moments.open = false;
    await sleep(1000); // the last black hole heals by itself
    this.network.heal();
    this.#deadlines = PATIENT;
    let open: string[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      await this.keepServing();
      for (const host of HOSTS) await this.recover(host);
      for (const life of this.#serving.values()) await this.#orDead(life, life.drained(), 'what had begun to arrive');
      open = [];
      for (const host of HOSTS) {
        await this.#command(host, 'list', async (life) => {
          open.push(
            ...openMigrations(life.host.journal.list()).map(
              ({ header, state }) => `${host}: ${header.name} ${state?.state ?? ''}`,
            ),
          );
        });
      }
      if (open.length > 0) continue;
      for (const host of HOSTS) await this.#letRun(host);
      return;
    }
    throw new Error(`not settled after ${ROUNDS} rounds: ${open.join('; ')}`);
  }

  /** Does for guests that have arrived, and could not be let run then, what the operator was told to do. */
  async #letRun(host: HostName): Promise<void> {
    await this.#command(host, 'resume', async (life) => {
      const { journal, toolstack } = life.host;
      const arrived = new Set(
        journal.list().flatMap(({ header, state }) => (state?.state === 'activated' ? [header.uuid] : [])),
      );
      for (const { uuid, state, domid } of await toolstack.list()) {
        if (state !== 'paused' || !arrived.has(uuid)) continue;
        await toolstack.unpause(domid);
        this.resumed += 1;
      }
    });
  }

  /** Each guest exactly once, running, whole; and nothing else anywhere. */
  async judge(): Promise<{ pagesChecked: number; problems: string[] }> {
    const problems: string[] = [];
    let pagesChecked = 0;
    for (const uuid of this.guests) {
      const copies = whereIs(uuid, this.dirs);
      if (copies.length !== 1 || copies[0].state !== 'running') {
        problems.push(`${uuid}: ${copies.map(({ host, state }) => `${state} at ${host}`).join(', ') || 'nowhere'}`);
        continue;
      }
      const toolstack = await openEmbedded(copies[0].host);
      const info = await toolstack.lookup(uuid);
      const report = info === undefined ? undefined : await toolstack.guestReport(info.domid);
      pagesChecked += report?.checked ?? 0;
      if (report?.bad !== 0) problems.push(`${uuid}: ${report?.bad ?? 'no'} pages are bad`);
    }
    const folders = this.dirs.reduce((sum, dir) => sum + readdirSync(join(dir, 'domains')).length, 0);
    if (folders !== this.guests.length) problems.push(`${folders} domain folders for ${this.guests.length} guests`);
    try {
      assertNeverTwice(this.dirs);
    } catch (error) {
      problems.push(messageOf(error));
    }
    return { pagesChecked, problems };
  }

  async close(): Promise<void> {
    this.#over.abort(new Error('the soak is over'));
    for (const life of this.#serving.values()) await life.close();
    const stop = new AbortController();
    const late = sleep(COMMAND_MS, undefined, { signal: stop.signal }).catch(() => undefined); // one that hangs was told already
    await Promise.race([Promise.allSettled(this.#abandoned), late]);
    stop.abort();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Moves guests round for a while, with faults at random, and then looks for each of them. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const startedAt = performance.now();
  const random = randomFrom(options.seed);
  const ring = new Ring(random, options.chance ?? 0.01);
  try {
    await ring.birth(options.guests ?? 20);
    for (const host of HOSTS) await ring.serve(host);
    ring.begin();
    const until = startedAt + options.seconds * 1000;
    const idle = [...ring.guests];
    const mover = async (): Promise<void> => {
      while (performance.now() < until) {
        const uuid = idle.splice(Math.floor(random() * idle.length), 1)[0];
        try {
          await ring.step(uuid);
        } finally {
          idle.push(uuid);
        }
      }
    };
    const supervise = (async (): Promise<void> => {
      while (performance.now() < until) {
        await ring.keepServing();
        await sleep(50);
      }
    })();
    await Promise.all([supervise, ...Array.from({ length: options.atOnce ?? 4 }, mover)]);
    await ring.settle();
    const { pagesChecked, problems } = await ring.judge();
    return {
      seed: options.seed,
      seconds: (performance.now() - startedAt) / 1000,
      guests: ring.guests.length,
      migrations: ring.migrations,
      arrived: ring.arrived,
      faults: ring.moments.faults,
      recoveries: ring.recoveries,
      resumed: ring.resumed,
      pagesChecked,
      problems,
    };
  } finally {
    await ring.close();
  }
}
