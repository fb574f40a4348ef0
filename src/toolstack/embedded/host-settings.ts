import { availableParallelism, hostname } from 'node:os';
import { z } from '../../errors/zod.js';
import { UsageError } from '../../errors/errors.js';
import { readIfThere } from './atomic-file.js';
import { SCHEDULERS } from '../scheduling.js';
import { ABILITIES, type Ability } from '../toolstack.js';
import type { HostFolder } from './host-folder.js';

const DEFAULT_MEMORY_KIB = 16 * 1024 * 1024;

const settingsSchema = z.strictObject({
  hostname: z.string().min(1).max(255).optional(),
  totalMemoryKiB: z.int().positive().optional(),
  cpus: z.int().positive().max(4096).optional(),
  lacks: z.array(z.enum(ABILITIES)).optional(),
  commandLine: z.string().max(4096).optional(),
  dom0MemoryKiB: z.int().positive().optional(),
  hwCaps: z
    .string()
    .regex(/^[0-9a-f]{8}(:[0-9a-f]{8}){0,7}$/i, 'not words of eight hexadecimal digits with colons between')
    .optional(),
  scheduler: z.enum(SCHEDULERS).optional(),
  xen: z
    .string()
    .regex(/^\d{1,3}\.\d{1,3}$/, 'not a release such as 4.20')
    .optional(),
});

/** The properties of an embedded host. */
export interface HostSettings {
  readonly hostname: string;
  readonly totalMemoryKiB: number;
  readonly cpus: number;
  /** Abilities that are disabled, as in an older toolstack. */
  readonly lacks: readonly Ability[];
  /** As of Xen. */
  readonly commandLine: string | undefined;
  /** Present memory of domain 0; undefined: there is none, and guests may have all memory. */
  readonly dom0MemoryKiB: number | undefined;
  /** Features of its processors: words of CPUID, as numbered by Xen; undefined: not reported. */
  readonly cpuidWords: readonly number[] | undefined;
  /** As in Xen; since 4.12 that is credit2. */
  readonly scheduler: (typeof SCHEDULERS)[number];
  /** Release of the Xen that it stands for; undefined: none, and releases are not compared. */
  readonly xen: string | undefined;
}

/** From `host.json` in the host's folder; with this machine's properties and 16 GiB of memory as defaults. */
export function readHostSettings(folder: HostFolder): HostSettings {
  const path = folder.file('host.json');
  const text = readIfThere(path);
  const said = text === undefined ? {} : parse(path, text);
  return {
    hostname: said.hostname ?? hostname(),
    totalMemoryKiB: said.totalMemoryKiB ?? DEFAULT_MEMORY_KIB,
    cpus: said.cpus ?? availableParallelism(),
    lacks: said.lacks ?? [],
    commandLine: said.commandLine,
    dom0MemoryKiB: said.dom0MemoryKiB === undefined ? undefined : Math.min(said.dom0MemoryKiB, dom0Target(folder)),
    // As `xl info` prints them, so that those of a real host can be copied.
    cpuidWords: said.hwCaps?.split(':').map((word) => Number.parseInt(word, 16)),
    scheduler: said.scheduler ?? 'credit2',
    xen: said.xen,
  };
}

/** Domain 0's memory target: a simulated one reaches it at once. */
function dom0Target(folder: HostFolder): number {
  const text = readIfThere(folder.file('dom0-target'));
  return text === undefined ? Number.MAX_SAFE_INTEGER : Number(text);
}

function parse(path: string, text: string): z.infer<typeof settingsSchema> {
  try {
    return settingsSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UsageError('E_USAGE_HOST_FILE', `${path} is not a host's description`, {
      cause,
      hint: 'It is a JSON object with hostname, totalMemoryKiB, cpus, lacks, commandLine, dom0MemoryKiB, hwCaps, scheduler and xen, each optional.',
      data: { path },
    });
  }
}
