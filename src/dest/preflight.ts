import type { Problem } from '../control/messages.js';
import { guestFeaturesOf, lackingFeatures } from '../domain/cpu/guest-features.js';
import type { Domain } from '../domain/model.js';
import type { HostInfo, Toolstack } from '../toolstack/toolstack.js';
import { isOlderXen } from '../toolstack/xen-release.js';

/** Where a guest comes from, as far as its source says so. */
export interface Origin {
  /** Release of the hypervisor there. */
  readonly xen: string | undefined;
  /** Releases and processors are not compared. */
  readonly unsafe: boolean;
}

/** The name of an arriving guest until its last byte is here; `xl list` shows it, as with xl's own. */
export const INCOMING_SUFFIX = '--incoming';

/** Xen's own needs for a domain in addition to its memory: page tables, shadow or p2m; libxl allows for about 1 % and 2 MiB. */
export function neededKiB(domain: Domain): number {
  return Math.ceil(domain.memoryMaxKiB * 1.01) + 2048;
}

function memoryProblem(domain: Domain, host: HostInfo, promisedKiB: number): Problem[] {
  const free = host.freeMemoryKiB - promisedKiB;
  if (neededKiB(domain) <= free) return [];
  return [
    {
      code: 'E_REFUSED_NO_MEMORY',
      message: `not enough memory: the guest needs ${Math.ceil(neededKiB(domain) / 1024)} MiB, ${Math.max(0, Math.floor(free / 1024))} MiB are free`,
      remedy: `Free memory on ${host.hostname}, or choose another destination.`,
    },
  ];
}

/** Xen itself would refuse the guest's state, after all of it was copied. */
function releaseProblem(guest: Origin, host: HostInfo): Problem[] {
  const { xen, unsafe } = guest;
  if (unsafe || xen === undefined || !isOlderXen(host.xen, xen)) return [];
  return [
    {
      code: 'E_REFUSED_XEN_OLDER',
      message: `the guest runs on Xen ${xen}, ${host.hostname} has Xen ${host.xen}: Xen restores guests of the same or an older release only`,
      remedy: `Choose a destination with Xen ${xen} or newer; --unsafe tries it all the same.`,
    },
  ];
}

/** Xen itself would refuse the guest's processor, while the stream comes in. */
function processorProblem(domain: Domain, { unsafe }: Origin, host: HostInfo): Problem[] {
  const lacking = lackingFeatures(host.processors?.cpuidWords ?? [], guestFeaturesOf(domain) ?? []);
  if (unsafe || lacking.length === 0) return [];
  return [
    {
      code: 'E_REFUSED_CPU',
      message: `the guest sees features that the processor of ${host.hostname} lacks: ${lacking.join(', ')}`,
      remedy:
        'Choose another destination, or start the guest with what the processors of all hosts have: `xenferry cpu-baseline` computes that from their capabilities. --unsafe tries it all the same.',
    },
  ];
}

async function collisionProblems(
  domain: Domain,
  host: HostInfo,
  toolstack: Toolstack,
  signal: AbortSignal,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const other of await toolstack.list(signal)) {
    if (other.uuid === domain.uuid) {
      problems.push({
        code: 'E_REFUSED_UUID_TAKEN',
        message: `domain '${other.name}' is already there with uuid ${domain.uuid} (${other.state})`,
        remedy: `Look at ${other.name} on ${host.hostname}; if it is left from an unfinished migration, run \`xenferry recover\` on both hosts.`,
      });
    } else if (other.name === domain.name || other.name === domain.name + INCOMING_SUFFIX) {
      problems.push({
        code: 'E_REFUSED_NAME_TAKEN',
        message: `a domain named '${other.name}' is already there with uuid ${other.uuid}`,
        remedy: `Choose another name for the destination with --dname, or rename the one on ${host.hostname}.`,
      });
    }
  }
  return problems;
}

/**
 * All objections to admitting the guest, found before anything is changed.
 * @param promisedKiB memory that other arrivals have been promised and do not occupy yet
 */
export async function findProblems(
  domain: Domain,
  toolstack: Toolstack,
  promisedKiB: number,
  origin: Origin,
  signal: AbortSignal,
): Promise<Problem[]> {
  const host = await toolstack.host(signal);
  return [
    ...releaseProblem(origin, host),
    ...processorProblem(domain, origin, host),
    ...(await collisionProblems(domain, host, toolstack, signal)),
    ...memoryProblem(domain, host, promisedKiB),
  ];
}
