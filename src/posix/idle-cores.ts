import { closeSync, openSync, readSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** The first line, of all processors together, is far shorter. */
const LINE_BYTES = 512;

/** Ticks of all processors together: in all, and without work. */
interface Ticks {
  readonly all: number;
  readonly idle: number;
}

/** The first line of /proc/stat (proc_stat(5)); undefined where it has another form. Guests' time is part of `user` and `nice`. */
export function parseTicks(stat: string): Ticks | undefined {
  const text = /^cpu +(\d+(?: \d+){3,})/.exec(stat)?.[1];
  if (text === undefined) return undefined;
  const [user, nice, system, idle, iowait = 0, irq = 0, softirq = 0, steal = 0] = text.split(' ').map(Number);
  return { all: user + nice + system + idle + iowait + irq + softirq + steal, idle: idle + iowait };
}

function readTicks(): Ticks | undefined {
  try {
    const fd = openSync('/proc/stat', 'r');
    try {
      const line = Buffer.alloc(LINE_BYTES);
      return parseTicks(line.toString('latin1', 0, readSync(fd, line, 0, LINE_BYTES, 0)));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // no such kernel, or no access: not known
  }
}

/** Measures how many processors had no work. */
export class IdleCores {
  #before: Ticks | undefined;

  constructor(
    private readonly cores = availableParallelism(),
    private readonly read: () => Ticks | undefined = readTicks,
  ) {}

  /** The average since the last call; undefined at the first call, and where the system does not say. Time that a hypervisor took away counts as work. */
  take(): number | undefined {
    const before = this.#before;
    const now = this.read();
    this.#before = now;
    if (before === undefined || now === undefined || now.all <= before.all) return undefined;
    return (this.cores * (now.idle - before.idle)) / (now.all - before.all);
  }
}
