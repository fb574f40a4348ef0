import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { printableJson } from '../../errors/printable.js';
import { makeFolder } from '../../posix/folder.js';
import { jobInfoSchema, type JobInfo } from './job-messages.js';

/** Domains whose last job is kept; the oldest is removed first. */
const MAX_KEPT = 256;
const MAX_BYTES = 64 * 1024;

/** Results of each domain's last long job: `domjobinfo --completed`. Kept also for a domain that has left. */
export class CompletedJobs {
  constructor(private readonly dir: string) {
    makeFolder(dir);
  }

  keep(info: JobInfo & { readonly uuid: string }): void {
    const path = join(this.dir, `${info.uuid}.json`);
    const fresh = `${path}.${randomUUID()}`;
    writeFileSync(fresh, printableJson(info), { mode: 0o600, flag: 'wx' });
    renameSync(fresh, path);
    this.#forgetOldest();
  }

  /** @param ref UUID or the name that it had */
  find(ref: string): JobInfo | undefined {
    const byUuid = /^[0-9a-f-]{36}$/i.test(ref) ? this.#read(join(this.dir, `${ref.toLowerCase()}.json`)) : undefined;
    if (byUuid !== undefined) return byUuid;
    return this.#byAge()
      .reverse()
      .map((path) => this.#read(path))
      .find((info) => info?.domain === ref);
  }

  #read(path: string): JobInfo | undefined {
    try {
      if (statSync(path).size > MAX_BYTES) return undefined;
      return jobInfoSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    } catch {
      return undefined; // missing or unreadable: the figures of a past job are not worth a failure
    }
  }

  /** Oldest first. */
  #byAge(): string[] {
    return readdirSync(this.dir)
      .map((name) => join(this.dir, name))
      .map((path) => ({ path, at: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
      .sort((a, b) => a.at - b.at)
      .map(({ path }) => path);
  }

  #forgetOldest(): void {
    const paths = this.#byAge();
    for (const path of paths.slice(0, Math.max(0, paths.length - MAX_KEPT))) rmSync(path, { force: true });
  }
}
