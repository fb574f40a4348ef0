import { join } from 'node:path';
import { ToolstackError } from '../../errors/errors.js';
import { makeFolder } from '../../posix/folder.js';

/**
 * The folder that is an embedded host.
 *
 * ```
 * host.json             the host's properties; optional, written by people
 * faults.json           faults to inject; optional, written by people and tests
 * next-domid            the number of the next domain
 * dom0-target           the memory target of a simulated domain 0, in KiB
 * history.jsonl         every start and stop of every domain, append-only
 * domains/N/            a domain: domain.json, config.xml, memory, types, dirty, platform...
 * kernel/               files of its kernel: proc and sys, with counters; optional, written by people and tests
 * files/                files of its other programs: etc, run and var, with leases; optional, written by people and
 * tests locks/                flock(2) files; never removed, so that all processes lock the same ones ```
 */
export class HostFolder {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Makes the folders, mode 0700, if they are missing. @throws ToolstackError E_TOOLSTACK_FOLDER naming it */
  static open(dir: string): HostFolder {
    const folder = new HostFolder(dir);
    for (const path of [dir, folder.domains, join(dir, 'locks')]) {
      try {
        makeFolder(path);
      } catch (cause) {
        throw new ToolstackError('E_TOOLSTACK_FOLDER', `the embedded host's folder ${path} cannot be made`, {
          cause,
          hint: 'Name a folder that can be written, such as embedded:///tmp/host-a.',
          data: { path },
        });
      }
    }
    return folder;
  }

  get domains(): string {
    return join(this.dir, 'domains');
  }

  get kernelFiles(): string {
    return join(this.dir, 'kernel');
  }

  get hostFiles(): string {
    return join(this.dir, 'files');
  }

  domain(domid: number): string {
    return join(this.domains, String(domid));
  }

  file(name: 'host.json' | 'faults.json' | 'next-domid' | 'dom0-target' | 'history.jsonl'): string {
    return join(this.dir, name);
  }

  /** Held while domains are made, renamed or removed. Taken after a domain's own lock, never before it. */
  get hostLock(): string {
    return join(this.dir, 'locks', 'host');
  }

  get faultsLock(): string {
    return join(this.dir, 'locks', 'faults');
  }

  /** Held briefly by the process that runs the domain or changes its state. */
  domainLock(domid: number): string {
    return join(this.dir, 'locks', String(domid));
  }

  /** Held by the process that makes the domain, until it is complete: if it is free, the domain is a leftover. */
  buildLock(domid: number): string {
    return join(this.dir, 'locks', `${domid}.build`);
  }

  /** Held by the process that saves the domain: there is one dirty log. */
  saveLock(domid: number): string {
    return join(this.dir, 'locks', `${domid}.save`);
  }
}
