import { join } from 'node:path';
import type { Deadlines } from '../control/deadlines.js';
import { PROTOCOL, FEATURES, type Hello } from '../control/messages.js';
import { RefusedError, SystemError } from '../errors/errors.js';
import { Journal } from '../journal/journal.js';
import type { DomainInfo, Toolstack } from '../toolstack/toolstack.js';
import { Jobs } from './jobs/jobs.js';
import { makeFolder } from '../posix/folder.js';

export interface HostOptions {
  readonly toolstack: Toolstack;
  /** Folder of journals and job locks; made with mode 0700 where it is missing. */
  readonly stateDir: string;
  readonly deadlines: Deadlines;
  readonly pid: number;
  /** xenferry's own version, for the hello. */
  readonly version: string;
}

/** This host, as every verb of the driver works on it: a toolstack, and what xenferry itself remembers. */
export class Host implements AsyncDisposable {
  readonly toolstack: Toolstack;
  readonly deadlines: Deadlines;
  readonly journal: Journal;
  readonly jobs: Jobs;
  readonly version: string;

  /** Takes the toolstack over; disposing the host disposes it. */
  constructor(options: HostOptions) {
    this.toolstack = options.toolstack;
    this.deadlines = options.deadlines;
    this.version = options.version;
    try {
      makeFolder(options.stateDir);
      this.journal = new Journal(join(options.stateDir, 'journal'));
      this.jobs = new Jobs(join(options.stateDir, 'jobs'), options.pid, options.deadlines.jobMs);
    } catch (error) {
      throw new SystemError('E_SYSTEM_STATE_DIR', `cannot use the state folder ${options.stateDir}`, {
        cause: error,
        hint: 'Name a folder that you may write to with --state-dir.',
      });
    }
  }

  /** The domain that a user names. @throws RefusedError `E_REFUSED_NO_DOMAIN`, `E_REFUSED_DOMAIN0` */
  async find(ref: string, signal?: AbortSignal): Promise<DomainInfo> {
    if (ref === '0' || ref === 'Domain-0') {
      throw new RefusedError(
        'E_REFUSED_DOMAIN0',
        'Domain-0 is the host itself: it cannot be moved, stopped or changed here',
        {
          hint: 'Name a guest domain; `xenferry list` shows them.',
        },
      );
    }
    const info = await this.toolstack.lookup(ref, signal);
    if (info !== undefined) return info;
    throw new RefusedError('E_REFUSED_NO_DOMAIN', `no domain '${ref}' on this host`, {
      hint: '`xenferry list` shows the domains of this host; -c chooses another one.',
    });
  }

  /** Our first words on a control link. */
  async hello(signal?: AbortSignal): Promise<Hello> {
    const host = await this.toolstack.host(signal);
    return {
      protocol: PROTOCOL,
      software: `xenferry/${this.version}`,
      hostname: host.hostname,
      features: [...FEATURES],
      streamVersions: [...host.streamVersions],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.toolstack[Symbol.asyncDispose]();
  }
}
