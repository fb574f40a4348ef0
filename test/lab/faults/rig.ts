import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startGuest, tickBeyond, TICKS_A_DIGEST, type Tick } from '../support/lab-guest.js';
import { hostA, hostB, quoted, type Answer, type LabHost } from '../support/lab-host.js';
import { otherHost } from '../support/moved.js';
import { certify } from '../support/serving.js';
import { isSettled, parseFacts, type Facts } from './facts.js';

const ON_HOST = readFileSync(new URL('./on-host.sh', import.meta.url), 'utf8');

/** Emulated hosts are slow: nothing that is right may run into these. */
const PATIENCE = ['connect=120', 'prepare=120', 'restore=300', 'finish=300', 'call=120', 'ask=120', 'stall=120'];
/** The daemon gives a source up that says nothing any more, though its connection stands. */
const SERVE_PATIENCE = [...PATIENCE.filter((one) => !one.startsWith('stall')), 'stall=60'];
const words = (deadlines: readonly string[]): string => deadlines.map((one) => `--deadline ${one}`).join(' ');

const BOTH = [hostA, hostB] as const;
const LAB = fileURLToPath(new URL('../../../scripts/lab', import.meta.url));
const BOOT_MS = 900_000;
const SHORT_MS = 120_000;
const STRIKE_MS = 240_000;
const MOVE_MS = 300_000;
const SETTLE_MS = 150_000;

/** What a migration printed, and how it ended. */
export interface Moved {
  /** Absent where it was killed. */
  readonly result: Record<string, unknown> | undefined;
  readonly exit: number;
  readonly text: string;
}

/** Two hosts that serve, and one small guest that goes to and fro. */
export class Rig {
  from: LabHost = hostA;
  name = '';
  domid = 0;
  #tick: Tick = { number: 0, digest: '' };

  get to(): LabHost {
    return otherHost(this.from);
  }

  get uri(): string {
    return `xen+tls://${this.to.name}/system`;
  }

  get tick(): Tick {
    return this.#tick;
  }

  async open(): Promise<void> {
    await certify(hostA, hostB);
    await Promise.all(BOTH.map((host) => this.#ready(host)));
    await this.newGuest();
  }

  /** What a host needs that has just booted. */
  async #ready(host: LabHost): Promise<void> {
    await host.ok(`cat >/tmp/on-host.sh <<'END'\n${ON_HOST}\nEND\n: >>/tmp/serve.log`);
    await this.on(
      host,
      'mkdir -p /tmp/fault; echo 0 >/tmp/fault/served; modprobe ip_tables; serve $SERVE_OPTIONS',
      MOVE_MS,
    );
  }

  async cutPower(host: LabHost): Promise<void> {
    execFileSync(LAB, ['reset', host.letter], { stdio: 'inherit', timeout: BOOT_MS });
    await this.#ready(host);
    // Its clock and its marks are new: what the case wrote to its journal is older than they.
    await this.on(host, 'touch -d @0 /tmp/fault/mark');
  }

  async close(): Promise<void> {
    await this.clear();
    for (const host of BOTH) await this.run(host, 'kill $(server)', SHORT_MS);
  }

  /** Whatever a case that failed has left: ended, so that the next one starts from a guest that has just booted. */
  async renew(): Promise<void> {
    await this.clear();
    await this.newGuest();
  }

  /** Faults away, guests away, daemons there. */
  async clear(): Promise<void> {
    for (const host of BOTH) {
      await this.run(
        host,
        `heal; umount $journals 2>/dev/null
         kill -CONT $(xenstored) $(server) 2>/dev/null
         for pid in $(pgrep -f 'xenferry migrat[e]|libxl-save-helpe[r]'); do kill -KILL $pid; done
         xl list | tail -n +3 | while read -r name _; do timeout 60 xl destroy $name; done
         kill -0 $(server) || serve $SERVE_OPTIONS`,
        MOVE_MS,
      );
    }
  }

  async newGuest(): Promise<void> {
    this.from = hostA;
    const { name, tick } = await startGuest(hostA, 'pvh', [
      'memory=96',
      'extra="console=hvc0 quiet sysrq_always_enabled"',
    ]);
    this.name = name;
    this.#tick = tick;
  }

  /** A script with `on-host.sh` at hand. */
  run(host: LabHost, script: string, deadlineMs: number): Promise<Answer> {
    const settings = {
      NAME: this.name,
      DOMID: String(this.domid),
      URI: this.uri,
      SERVE_OPTIONS: words(SERVE_PATIENCE),
    };
    const given = Object.entries(settings).map(([key, value]) => `${key}=${quoted(value)}`);
    return host.run(`${given.join('; ')}; . /tmp/on-host.sh\n${script}`, deadlineMs);
  }

  /** The same, which must succeed. */
  async on(host: LabHost, script: string, deadlineMs = SHORT_MS): Promise<string> {
    const { status, stdout, stderr } = await this.run(host, script, deadlineMs);
    if (status !== 0) throw new Error(`${host.name}: ${script}\nended with ${status}\n${stdout}\n${stderr}`);
    return stdout;
  }

  /** A case begins: its marks are set, and where the guest is known. */
  async begin(): Promise<void> {
    await Promise.all(BOTH.map((host) => this.on(host, 'fresh')));
    this.domid = Number(await this.from.ok(`xl domid ${this.name}`));
  }

  async strike(host: LabHost, script: string | undefined): Promise<string> {
    return script === undefined ? '' : await this.on(host, script, STRIKE_MS);
  }

  /** One migration to the other host. */
  async move(options = ''): Promise<Moved> {
    const { stdout, stderr } = await this.run(this.from, `move $NAME $URI ${words(PATIENCE)} ${options}`, MOVE_MS);
    const exit = Number(/^exit (\d+)$/m.exec(stdout)?.[1] ?? Number.NaN);
    const json = stdout.split('\n').find((line) => line.startsWith('{'));
    return {
      exit,
      result: json === undefined ? undefined : (JSON.parse(json) as Record<string, unknown>),
      text: `${stdout}${stderr}`,
    };
  }

  async facts(host: LabHost): Promise<Facts> {
    return parseFacts(await this.on(host, 'facts'));
  }

  /** What both have, once everything is decided, or as it is when that took too long. */
  async settled(): Promise<{ source: Facts; dest: Facts; isSettled: boolean }> {
    const until = Date.now() + SETTLE_MS;
    for (;;) {
      // Each look takes a second or two: a dozen programs on an emulated host.
      const [source, dest] = await Promise.all([this.facts(this.from), this.facts(this.to)]);
      const done = isSettled(source) && isSettled(dest);
      if (done || Date.now() > until) return { source, dest, isSettled: done };
    }
  }

  /** The guest has gone over, or was there already. */
  turn(): void {
    this.from = this.to;
  }

  /**
   * The guest runs where we think, and goes on from that tick. Where it has moved its memory must be what it was: the digest is
   * drawn anew at every tenth tick.
   */
  async ticksOn(last: number, hasMoved: boolean): Promise<void> {
    const tick = await tickBeyond(this.from, this.name, last + (hasMoved ? TICKS_A_DIGEST : 1));
    if (tick.digest !== this.#tick.digest) throw new Error(`${this.name}: ${tick.digest} is not ${this.#tick.digest}`);
    this.#tick = tick;
  }
}
