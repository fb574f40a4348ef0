import { join } from 'node:path';
import type { Deadlines } from '../control/deadlines.js';
import { PROTOCOL, FEATURES, type Hello } from '../control/messages.js';
import { Deadline } from '../errors/deadline.js';
import { RefusedError, SystemError } from '../errors/errors.js';
import { messageOf } from '../errors/message-of.js';
import { ownCommand } from '../errors/shell-words.js';
import { HANDOVER, type HandoverMachines } from '../handover/machines.js';
import { Journal } from '../journal/journal.js';
import type { DomainInfo, Toolstack } from '../toolstack/toolstack.js';
import { makePrivateFolder } from '../posix/private-folder.js';
import { PeerPolicy, type PeerRules } from './access/peer-policy.js';
import { HostEvents } from './events/host-events.js';
import { eventParticipant, jobEvent } from './events/driver-events.js';
import { Jobs } from './jobs/jobs.js';
import { MigrationSlots } from './jobs/migration-slots.js';
import { LeaseFolder } from './leases/lease-folder.js';
import type { Autoballoon } from './memory/make-room.js';
import type { LeaseStore } from './leases/lease-table.js';
import { Leases } from './leases/leases.js';
import { isHere } from './guest-presence.js';
import type { LifecycleParticipant } from './participants/lifecycle-participant.js';
import { LifecycleParticipants } from './participants/lifecycle-participants.js';
import { Definitions, type DamagedDefinition } from './registry/definitions.js';
import {
  asNoted,
  knownDomains,
  noSuchDomain,
  pickDomain,
  refuseDomain0,
  type KnownDomain,
} from './registry/known-domain.js';
import type { LogLevel } from './logs/log-line.js';
import { ManagedSaves } from './registry/managed-saves.js';
import { kernelBootId } from './boot-id.js';
import { RunRecords } from './registry/run-records.js';

/** Options of a host. */
export interface HostOptions {
  readonly toolstack: Toolstack;
  /** Folder of definitions, saved states, journals and job locks; made with mode 0700 if it is missing. */
  readonly stateDir: string;
  readonly deadlines: Deadlines;
  /** Most migrations at once, in each direction; absent: no limit. Further ones wait. */
  readonly maxMigrations?: number | undefined;
  /**
   * Most migrations that arrive in one process at once, in all and from one peer; absent: the defaults. Further ones
   * are refused.
   */
  readonly maxArrivals?: number | undefined;
  readonly maxArrivalsOfPeer?: number | undefined;
  readonly pid: number;
  /** xenferry's own version, for the hello. */
  readonly version: string;
  /** The participants in the start and stop of domains, in the order of their calls. */
  readonly participants: readonly LifecycleParticipant[];
  /** Receives messages for the operator that do not fail an operation. */
  readonly log: (line: string) => void;
  /** Whether domain 0 releases memory for guests; default: auto. */
  readonly autoballoon?: Autoballoon | undefined;
  /** Whether guests with the host's own processor may run hypervisors; default: no. */
  readonly nestedHvm?: boolean | undefined;
  /** Folder of disk leases that hosts share; absent: disks are not locked. */
  readonly leaseDir?: string | undefined;
  /** The rules of the handover; tests replace them. Default: the real ones. */
  readonly handover?: HandoverMachines;
  /** Rules for guests of other hosts; absent: the defaults. */
  readonly peers?: PeerRules | undefined;
  /** Default: opens that folder. */
  readonly openLeases?: (dir: string) => LeaseStore;
  /** Receives log lines of the toolstack during the job of a domain. */
  readonly onToolstackLog?: (level: LogLevel, text: string, domain: string) => void;
  /** Called with the running domains after each listing. */
  readonly onSeen?: (infos: readonly DomainInfo[]) => void;
}

/** Errors of the state folder that have a remedy of their own. */
const HAS_REMEDY = new Set(['E_SYSTEM_FOLDER_OWNER', 'E_SYSTEM_UNTRUSTED']);

/** A host: its toolstack, and the records that xenferry keeps about it. */
export class Host implements AsyncDisposable {
  readonly toolstack: Toolstack;
  readonly deadlines: Deadlines;
  readonly journal: Journal;
  readonly jobs: Jobs;
  /** Outgoing and incoming migrations have separate slots. */
  readonly outgoing: MigrationSlots;
  readonly incoming: MigrationSlots;
  /** Events of this host's domains, from all processes. */
  readonly events: HostEvents;
  readonly version: string;
  readonly stateDir: string;
  readonly definitions: Definitions;
  readonly managedSaves: ManagedSaves;
  readonly runs: RunRecords;
  readonly participants: LifecycleParticipants;
  readonly leases: Leases;
  readonly autoballoon: Autoballoon;
  readonly nestedHvm: boolean;
  /** The rules of the handover. */
  readonly handover: HandoverMachines;
  readonly peers: PeerPolicy;
  readonly maxArrivals: number | undefined;
  readonly maxArrivalsOfPeer: number | undefined;
  readonly log: (line: string) => void;
  readonly #onSeen: (infos: readonly DomainInfo[]) => void;

  /** Takes ownership of the toolstack; disposing the host disposes it. */
  constructor(options: HostOptions) {
    this.toolstack = options.toolstack;
    this.deadlines = options.deadlines;
    this.version = options.version;
    this.stateDir = options.stateDir;
    this.log = options.log;
    this.handover = options.handover ?? HANDOVER;
    this.autoballoon = options.autoballoon ?? 'auto';
    this.nestedHvm = options.nestedHvm ?? false;
    this.peers = new PeerPolicy(options.peers);
    this.maxArrivals = options.maxArrivals;
    this.maxArrivalsOfPeer = options.maxArrivalsOfPeer;
    this.#onSeen = options.onSeen ?? (() => undefined);
    try {
      const had = makePrivateFolder(options.stateDir);
      if (had !== undefined) {
        const mode = had.toString(8).padStart(4, '0');
        options.log(`${options.stateDir} was open to other users (mode ${mode}); the mode has been corrected`);
      }
      this.journal = new Journal(join(options.stateDir, 'journal'));
      const events = new HostEvents(join(options.stateDir, 'events'), options.log);
      this.events = events;
      this.jobs = new Jobs(
        join(options.stateDir, 'jobs'),
        options.pid,
        options.deadlines.jobMs,
        (job) => {
          events.tell(jobEvent(job));
        },
        (line, domain) => options.onToolstackLog?.(line.level, line.text, domain),
      );
      this.leases = new Leases({
        dir: options.leaseDir,
        open: options.openLeases ?? ((dir) => new LeaseFolder(dir)),
        stateDir: options.stateDir,
        hostname: async (signal) => (await this.toolstack.host(signal)).hostname,
        bootId: kernelBootId(),
        isHere: async (uuid, signal) => this.jobs.holder(uuid) !== undefined || (await isHere(this, uuid, signal)),
        callMs: options.deadlines.callMs,
        log: options.log,
      });
      this.participants = new LifecycleParticipants(
        [...options.participants, this.leases, eventParticipant(events)],
        options.log,
      );
      this.outgoing = new MigrationSlots(join(options.stateDir, 'slots', 'outgoing'), options.maxMigrations);
      this.incoming = new MigrationSlots(join(options.stateDir, 'slots', 'incoming'), options.maxMigrations);
      this.definitions = new Definitions(join(options.stateDir, 'domains'));
      this.managedSaves = new ManagedSaves(join(options.stateDir, 'managed-save'));
      this.runs = new RunRecords(join(options.stateDir, 'runs'));
    } catch (error) {
      if (error instanceof SystemError && HAS_REMEDY.has(error.code)) throw error;
      throw new SystemError('E_SYSTEM_STATE_DIR', `cannot use the state folder ${options.stateDir}`, {
        cause: error,
        hint: 'Name a folder that you may write to with --state-dir.',
      });
    }
  }

  /** Every domain of this host, running or defined, and the definitions that cannot be read. */
  async known(signal?: AbortSignal): Promise<{
    readonly domains: readonly KnownDomain[];
    readonly damaged: readonly DamagedDefinition[];
  }> {
    const infos = (await this.toolstack.list(signal)).map((info) =>
      info.shutdownReason === 'suspend' ? asNoted(info, this.runs.get(info.uuid)) : info,
    );
    this.#onSeen(infos);
    const { definitions, damaged } = this.definitions.all();
    const hasManagedSave = (uuid: string): boolean => this.managedSaves.has(uuid);
    return { domains: knownDomains({ infos, definitions, hasManagedSave }), damaged };
  }

  /**
   * The domain for a user's reference, running or not. @throws RefusedError `E_REFUSED_NO_DOMAIN`, `E_REFUSED_DOMAIN0`;
   * SystemError `E_SYSTEM_DEFINITION`
   */
  async findKnown(ref: string, signal?: AbortSignal): Promise<KnownDomain> {
    refuseDomain0(ref);
    const { domains, damaged } = await this.known(signal);
    const found = pickDomain(domains, ref);
    if (found === undefined) throw noSuchDomain(ref, damaged);
    return found;
  }

  /**
   * The running domain for a user's reference. @throws RefusedError `E_REFUSED_NOT_RUNNING`, `E_REFUSED_NO_DOMAIN`,
   * `E_REFUSED_DOMAIN0`
   */
  async find(ref: string, signal?: AbortSignal): Promise<DomainInfo> {
    const { info, name } = await this.findKnown(ref, signal);
    if (info !== undefined) return info;
    throw new RefusedError('E_REFUSED_NOT_RUNNING', `domain ${name} is not running`, {
      hint: `\`${ownCommand('start', name)}\` starts it.`,
    });
  }

  /** Our first message on a control link. */
  async hello(signal: AbortSignal = new AbortController().signal): Promise<Hello> {
    using looking = new Deadline(signal, this.deadlines.callMs, 'E_DEADLINE_TOOLSTACK', 'a look at this host');
    const host = await this.toolstack.host(looking.signal);
    const leases = await this.leases.feature(looking.signal);
    return {
      protocol: PROTOCOL,
      software: `xenferry/${this.version}`,
      hostname: host.hostname,
      features: leases === undefined ? [...FEATURES] : [...FEATURES, leases],
      streamVersions: [...host.streamVersions],
      ...(host.xen === undefined ? {} : { xen: host.xen }),
    };
  }

  /** Removes journals of old migrations. A failure is harmless: it is logged. */
  pruneJournals(): void {
    try {
      this.journal.prune(Date.now());
    } catch (error) {
      this.log(`old journals could not be removed: ${messageOf(error)}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leases.idle();
    await this.events[Symbol.asyncDispose]();
    await this.toolstack[Symbol.asyncDispose]();
  }
}
