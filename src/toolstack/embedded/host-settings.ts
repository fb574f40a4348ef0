import { availableParallelism, hostname } from 'node:os';
import { z } from 'zod';
import { UsageError } from '../../errors/errors.js';
import { readIfThere } from './atomic-file.js';
import { ABILITIES, type Ability } from '../toolstack.js';
import type { HostFolder } from './host-folder.js';

const DEFAULT_MEMORY_KIB = 16 * 1024 * 1024;

const settingsSchema = z.strictObject({
  hostname: z.string().min(1).max(255).optional(),
  totalMemoryKiB: z.int().positive().optional(),
  cpus: z.int().positive().max(4096).optional(),
  lacks: z.array(z.enum(ABILITIES)).optional(),
});

/** What an embedded host is like. */
export interface HostSettings {
  readonly hostname: string;
  readonly totalMemoryKiB: number;
  readonly cpus: number;
  /** Abilities that are switched off, as an old toolstack has not got them. */
  readonly lacks: readonly Ability[];
}

/** From `host.json` in the host's folder; what it does not say is this machine's, and 16 GiB of memory. */
export function readHostSettings(folder: HostFolder): HostSettings {
  const path = folder.file('host.json');
  const text = readIfThere(path);
  const said = text === undefined ? {} : parse(path, text);
  return {
    hostname: said.hostname ?? hostname(),
    totalMemoryKiB: said.totalMemoryKiB ?? DEFAULT_MEMORY_KIB,
    cpus: said.cpus ?? availableParallelism(),
    lacks: said.lacks ?? [],
  };
}

function parse(path: string, text: string): z.infer<typeof settingsSchema> {
  try {
    return settingsSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UsageError('E_USAGE_HOST_FILE', `${path} is not a host's description`, {
      cause,
      hint: 'It is a JSON object with hostname, totalMemoryKiB, cpus and lacks, each optional.',
      data: { path },
    });
  }
}
