import { existsSync } from 'node:fs';
import type { Domain } from '../../domain/model.js';
import { readWorkload } from '../../domain/workload.js';
import { z } from '../../errors/zod.js';
import { ToolstackError, UsageError } from '../../errors/errors.js';
import { readIfThere, replaceFile } from './atomic-file.js';
import type { HostFolder } from './host-folder.js';
import { takeLock } from './locked-domain.js';

/**
 * Faults that an embedded host can inject. `afterBytes` counts bytes of the save stream (0 if
 * not given). A domain has them in its metadata, `<embedded:fault name='save-fails' afterBytes='65536'/>`,
 * and keeps them in a migration; a host has them in `faults.json`:
 * `[{"fault": "restore-fails", "domain": "web", "count": 1, "afterBytes": 65536}]`, where `domain`
 * (name or UUID; if not given, every domain) and `count` (number of uses, then the entry is removed) are optional.
 *
 * | fault | what happens |
 * | --- | --- |
 * | `refuse-suspend` | the guest ignores the request to suspend; the save fails with E_TOOLSTACK_GUEST_TIMEDOUT after `timeoutMs` (60 s, as libxl) and the guest runs on |
 * | `crash-on-suspend` | the guest crashes when asked to suspend |
 * | `save-write-slow` | the save writes at most `bytesPerSecond` (needed) |
 * | `save-fails` | the save fails |
 * | `save-hangs` | the save writes no more, and does not end |
 * | `save-dies` | the process that saves is killed (SIGKILL) |
 * | `restore-slow` | the restore reads at most `bytesPerSecond` (needed) |
 * | `restore-fails` | the restore fails |
 * | `restore-hangs` | the restore reads no more, and does not end |
 * | `restore-dies` | the process that restores is killed (SIGKILL) |
 * | `disk-full-on-restore` | the restore fails with ENOSPC |
 * | `no-memory` | creating or restoring finds too little memory |
 * | `create-fails`, `unpause-fails`, `soft-reset-fails`, `resume-fails`, `destroy-fails`, `attach-fails`, `detach-fails` | that call fails; nothing is changed |
 * | `attach-breaks` | the device is there, and the call fails |
 * | `keep-disks` | the guest does not release its disks |
 */
const PARAMETERS = {
  'refuse-suspend': ['timeoutMs'],
  'crash-on-suspend': [],
  'save-write-slow': ['bytesPerSecond'],
  'save-fails': ['afterBytes'],
  'save-hangs': ['afterBytes'],
  'save-dies': ['afterBytes'],
  'restore-slow': ['bytesPerSecond'],
  'restore-fails': ['afterBytes'],
  'restore-hangs': ['afterBytes'],
  'restore-dies': ['afterBytes'],
  'disk-full-on-restore': ['afterBytes'],
  'no-memory': [],
  'create-fails': [],
  'unpause-fails': [],
  'resume-fails': [],
  'soft-reset-fails': [],
  'destroy-fails': [],
  'attach-fails': [],
  'attach-breaks': [],
  'detach-fails': [],
  'keep-disks': [],
} as const satisfies Record<string, readonly (keyof FaultParameters)[]>;

export type FaultName = keyof typeof PARAMETERS;

interface FaultParameters {
  readonly afterBytes: number;
  readonly bytesPerSecond: number;
  readonly timeoutMs: number;
}

/** An active fault for an operation. Parameters that it does not have are 0. */
export interface ActiveFault extends FaultParameters {
  readonly name: FaultName;
}

const DEFAULTS: Readonly<Record<keyof FaultParameters, number | undefined>> = {
  afterBytes: 0,
  bytesPerSecond: undefined,
  // As long as libxl waits.
  timeoutMs: 60_000,
};

const hostFaultSchema = z.strictObject({
  fault: z.string(),
  domain: z.string().optional(),
  count: z.int().positive().optional(),
  afterBytes: z.number().optional(),
  bytesPerSecond: z.number().optional(),
  timeoutMs: z.number().optional(),
});
const hostFaultsSchema = z.array(hostFaultSchema).max(1000);
type HostFault = z.infer<typeof hostFaultSchema>;

function badFault(where: string, why: string, cause?: unknown): UsageError {
  return new UsageError('E_USAGE_FAULT', `${where}: ${why}`, {
    cause,
    hint: `Known faults: ${Object.keys(PARAMETERS).join(', ')}.`,
  });
}

function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(PARAMETERS, name);
}

function makeFault(name: string, given: ReadonlyMap<string, string | number>, where: string): ActiveFault {
  if (!isFaultName(name)) throw badFault(where, `there is no fault ${JSON.stringify(name)}`);
  const allowed: readonly string[] = PARAMETERS[name];
  for (const key of given.keys()) if (!allowed.includes(key)) throw badFault(where, `fault ${name} has no ${key}`);
  const value = (key: keyof FaultParameters): number => {
    if (!allowed.includes(key)) return 0;
    const said = given.get(key) ?? DEFAULTS[key];
    if (said === undefined) throw badFault(where, `fault ${name} needs ${key}`);
    const number = typeof said === 'number' ? said : /^\d{1,15}$/.test(said) ? Number(said) : Number.NaN;
    if (!Number.isSafeInteger(number) || number < (key === 'bytesPerSecond' ? 1 : 0)) {
      throw badFault(where, `fault ${name}: ${key} ${JSON.stringify(said)} is out of range`);
    }
    return number;
  };
  return {
    name,
    afterBytes: value('afterBytes'),
    bytesPerSecond: value('bytesPerSecond'),
    timeoutMs: value('timeoutMs'),
  };
}

/** The faults in a domain's metadata. @throws UsageError E_USAGE_FAULT for an unknown one */
export function faultsOf(domain: Domain): ActiveFault[] {
  return readWorkload(domain).faults.map((fault) =>
    makeFault(fault.name, fault.attributes, `metadata of domain ${domain.name}`),
  );
}

/**
 * The named faults that are active for the domain; an entry of the host with a count is used up
 * once. @throws UsageError E_USAGE_FAULT, also for other invalid entries
 */
export async function takeFaults(
  host: HostFolder,
  domain: Domain,
  names: readonly FaultName[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<FaultName, ActiveFault>> {
  const taken = new Map<FaultName, ActiveFault>();
  for (const fault of faultsOf(domain)) if (names.includes(fault.name)) taken.set(fault.name, fault);
  const path = host.file('faults.json');
  if (!existsSync(path)) return taken;

  using _lock = await takeLock(host.faultsLock, 'faults', signal);
  const left: HostFault[] = [];
  let changed = false;
  for (const entry of readHostFaults(path)) {
    const { fault: name, domain: whose, count, ...parameters } = entry;
    const given = Object.entries(parameters).filter((pair): pair is [string, number] => pair[1] !== undefined);
    const fault = makeFault(name, new Map(given), path);
    const isMeant = whose === undefined || whose === domain.name || whose === domain.uuid;
    if (!isMeant || !names.includes(fault.name) || taken.has(fault.name)) {
      left.push(entry);
      continue;
    }
    taken.set(fault.name, fault);
    if (count === undefined) left.push(entry);
    else changed = true;
    if (count !== undefined && count > 1) left.push({ ...entry, count: count - 1 });
  }
  if (changed) replaceFile(path, JSON.stringify(left));
  return taken;
}

/** Fails if the named fault is active. @throws ToolstackError E_TOOLSTACK_FAULT in that case */
export async function failIfTold(
  host: HostFolder,
  domain: Domain,
  name: FaultName,
  signal?: AbortSignal,
): Promise<void> {
  if ((await takeFaults(host, domain, [name], signal)).has(name)) throw faultError(name, domain.name);
}

/** The error of an injected fault. */
export function faultError(name: FaultName, what: string): ToolstackError {
  return new ToolstackError('E_TOOLSTACK_FAULT', `${what}: a fault was injected (${name})`, {
    hint: "Remove the fault from the domain's metadata or the host's faults.json.",
    data: { fault: name },
  });
}

function readHostFaults(path: string): HostFault[] {
  try {
    return hostFaultsSchema.parse(JSON.parse(readIfThere(path) ?? '[]'));
  } catch (cause) {
    throw badFault(path, 'is not a list of faults', cause);
  }
}
