import { hostReach, type Reach } from '../../domain/definition/host-reach.js';
import { readDefinition } from '../../domain/definition/read.js';
import type { BeyondXml } from '../../domain/libxl-json/beyond-xml.js';
import { carriedReach } from '../../domain/libxl-json/carried-reach.js';
import type { Domain } from '../../domain/model.js';
import { RefusedError } from '../../errors/errors.js';
import { DEFAULT_GUEST_PATHS, liesIn, placesOfOwn } from './guest-paths.js';
import { filesOfImage } from './image-files.js';
import { mountedDevices } from './mounted-devices.js';
import { leaveFor, PeerLeaves, type LeaveKind } from './peer-leaves.js';
import {
  isCephConfiguration,
  isLoopback,
  isScriptOfXen,
  isUsualBootloader,
  isUsualBootloaderArgument,
  isUsualEmulator,
  isUsualKernel,
} from './usual-programs.js';

/** The configuration for guests of other hosts. */
export interface PeerRules {
  /**
   * Folders and files that such a guest may use here; absent: the usual ones, and those of this host's own definitions.
   */
  readonly guestPaths?: readonly string[] | undefined;
  /** What else it may name; see `LEAVE_KINDS`. */
  readonly peersMay?: readonly string[] | undefined;
}

/** The configuration of a guest of another host. */
export interface Brought {
  readonly name: string;
  /** The domain that would run, and the definition that would be stored. */
  readonly domains: readonly Domain[];
  /** Fields of the toolstack's own configuration that the domains do not contain. */
  readonly reaching: readonly BeyondXml[];
  /** The definitions of this host's own domains, used if the configuration names no paths. */
  readonly own: () => readonly Domain[];
}

interface Objection {
  readonly kind: 'path' | LeaveKind;
  readonly value: string;
  readonly text: string;
}

/** Most objections in one message. */
const MOST_NAMED = 8;
const MOST_CHARACTERS = 200;

/**
 * What the guests of other hosts may name of this host. A peer that may send guests is not root here: everything in its
 * definition that programs of this host open, run, listen on or disclose is checked against these rules. They do not
 * apply to users of this host, and no peer can lift them.
 */
export class PeerPolicy {
  #guestPaths: readonly string[] | undefined;
  #leaves: PeerLeaves;

  /** @param rules from the configuration @throws UsageError `E_USAGE_PEERS_MAY` */
  constructor(rules: PeerRules = {}) {
    this.#guestPaths = rules.guestPaths;
    this.#leaves = new PeerLeaves(rules.peersMay ?? []);
  }

  /** Replaces the rules; if the new ones are invalid, the old ones stay. @throws UsageError `E_USAGE_PEERS_MAY` */
  replace(rules: PeerRules): void {
    this.#leaves = new PeerLeaves(rules.peersMay ?? []);
    this.#guestPaths = rules.guestPaths;
  }

  /** Whether a peer may replace the definition of a domain that it has not held. */
  get mayReplaceDefinitions(): boolean {
    return this.#leaves.allows('replace-definition');
  }

  /**
   * Checks a guest's configuration. @throws RefusedError `E_REFUSED_GUEST_PATH`, `E_REFUSED_PEER_MAY` naming the
   * forbidden values, and the configuration's key
   */
  async check({ name, domains, reaching, own }: Brought): Promise<void> {
    const definitions = domains.map((domain) => readDefinition(domain, { lenient: true }).definition);
    const reach = definitions.flatMap(hostReach);
    const guestPaths = this.#guestPaths ?? [...DEFAULT_GUEST_PATHS, ...placesOfOwn(pathsOf(own()))];
    const objections = [
      ...(await this.#strayPaths(reach, guestPaths)),
      ...reach.flatMap((one) => this.#objectionTo(one)),
      ...oncePerPath([...reaching, ...definitions.flatMap(carriedReach)])
        .filter(({ path }) => !this.#leaves.allows('field', path))
        .map(({ path, why }) => ({ kind: 'field' as const, value: path, text: `${path} (${why})` })),
    ];
    if (objections.length > 0) throw refused(name, objections);
  }

  async #strayPaths(reach: readonly Reach[], guestPaths: readonly string[]): Promise<Objection[]> {
    const stray: Objection[] = [];
    const mounted = await mountedDevices();
    for (const { kind, value, of, isImage } of reach) {
      if (kind === 'kernel') {
        const isFree = isUsualKernel(value) || this.#leaves.allows(kind, value);
        if (!isFree && !(await liesIn(value, guestPaths))) stray.push({ kind, value, text: `${of}: ${shown(value)}` });
      }
      if (kind !== 'path' || isCephConfiguration(value)) continue;
      const strayAt = (path: string, what: string): void => {
        stray.push({ kind, value: path, text: `${of}: ${what}` });
      };
      if (!(await liesIn(value, guestPaths))) strayAt(value, shown(value));
      else if (await mounted.has(value)) strayAt(value, `${shown(value)}, which this host itself has mounted`);
      else if (isImage === true) {
        const { paths, odd } = await filesOfImage(value);
        for (const path of paths) {
          if (!(await liesIn(path, guestPaths))) strayAt(path, `${shown(value)}, whose backing file is ${shown(path)}`);
        }
        if (odd !== undefined) strayAt(value, `${shown(value)}, which opens ${odd}`);
      }
    }
    return stray;
  }

  #objectionTo({ kind, value, of }: Reach): Objection[] {
    if (kind === 'path' || kind === 'kernel' || isUsual(kind, value) || this.#leaves.allows(kind, value)) return [];
    return [{ kind, value, text: `${of}: ${kind} ${shown(value)}` }];
  }
}

/** Removes duplicates: a definition's settings are in the toolstack's configuration as well. */
function oncePerPath(fields: readonly BeyondXml[]): BeyondXml[] {
  return [...new Map(fields.map((field) => [field.path, field])).values()];
}

/** Whether a value is allowed without a permission. */
function isUsual(kind: Exclude<Reach['kind'], 'path' | 'kernel'>, value: string): boolean {
  switch (kind) {
    case 'emulator':
      return isUsualEmulator(value);
    case 'bootloader':
      return isUsualBootloader(value);
    case 'bootloader-args':
      return isUsualBootloaderArgument(value);
    case 'script':
      return isScriptOfXen(value);
    case 'listen':
      return isLoopback(value);
    case 'network-disk':
    case 'device-model-args':
    case 'pci':
    case 'usb':
    case 'connect':
    case 'sdl':
    case 'network-device':
    case 'backend-domain':
      return false;
  }
}

/** Paths in this host's own definitions. */
function pathsOf(domains: readonly Domain[]): string[] {
  return domains.flatMap((domain) =>
    hostReach(readDefinition(domain, { lenient: true }).definition).flatMap(({ kind, value }) =>
      kind === 'path' || kind === 'kernel' ? [value] : [],
    ),
  );
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, MOST_CHARACTERS));
}

function refused(name: string, objections: readonly Objection[]): RefusedError {
  const named = objections.slice(0, MOST_NAMED);
  const more = objections.length > named.length ? `; and ${objections.length - named.length} more` : '';
  const texts = named.map(({ text }) => text).join('; ');
  const isPath = objections.some(({ kind }) => kind === 'path' || kind === 'kernel');
  const leaves = named.flatMap(({ kind, value }) =>
    kind === 'path' ? [] : [leaveFor(kind, value.slice(0, MOST_CHARACTERS))],
  );
  const hints = [
    ...(isPath ? ['add the folder to `guest_paths`'] : []),
    ...(leaves.length > 0 ? [`set \`peers_may = ${JSON.stringify([...new Set(leaves)])}\``] : []),
  ];
  return new RefusedError(
    isPath ? 'E_REFUSED_GUEST_PATH' : 'E_REFUSED_PEER_MAY',
    `a guest of another host may not use this of the destination: ${name}: ${texts}${more}`,
    {
      hint: `If guests of other hosts may have it, ${hints.join(' and ')} in the destination's configuration, and send SIGHUP to serve; or name something else with --xml.`,
      data: { objections: named.map(({ text }) => text) },
    },
  );
}
