import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Domain } from '../../../src/domain/model.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { makePipe } from '../../../src/posix/owned-fd.js';
import type { Domid } from '../../../src/toolstack/domid.js';
import { openEmbedded } from '../../../src/toolstack/embedded/open.js';
import type { Toolstack, TransferEvent } from '../../../src/toolstack/toolstack.js';

export const never = new AbortController().signal;

/** A folder that goes away with the test. */
export class TempFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'xenferry-unit-'));

  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const OS = {
  pv: "<type arch='x86_64' machine='xenpv'>linux</type><kernel>/boot/vmlinuz</kernel>",
  pvh: "<type arch='x86_64' machine='xenpvh'>xenpvh</type><kernel>/boot/vmlinuz</kernel>",
  hvm: "<type arch='x86_64' machine='xenfv'>hvm</type>",
};

export interface GuestOptions {
  readonly name?: string;
  readonly uuid?: string;
  readonly type?: keyof typeof OS;
  readonly mib?: number;
  /** Attributes of `<embedded:guest>`. */
  readonly workload?: string;
  /** Children of `<embedded:guest>`. */
  readonly faults?: string;
}

export function guest(options: GuestOptions = {}): Domain {
  return parseDomainXml(`<domain type='xen'>
  <name>${options.name ?? 'guest'}</name>
  <uuid>${options.uuid ?? randomUUID()}</uuid>
  <metadata><embedded:guest xmlns:embedded='urn:xenferry:embedded:1' seed='7' ${options.workload ?? "dirtyMiBPerSecond='8'"}>${options.faults ?? ''}</embedded:guest></metadata>
  <memory unit='MiB'>${options.mib ?? 8}</memory>
  <vcpu>2</vcpu>
  <os>${OS[options.type ?? 'pvh']}</os>
</domain>`);
}

/** Two embedded hosts in one folder. */
export class Rig implements Disposable {
  readonly dirA: string;
  readonly dirB: string;

  private constructor(
    readonly a: Toolstack,
    readonly b: Toolstack,
    readonly temp: TempFolder,
  ) {
    this.dirA = temp.file('a');
    this.dirB = temp.file('b');
  }

  static async make(): Promise<Rig> {
    const dirs = new TempFolder();
    return new Rig(await openEmbedded(dirs.file('a')), await openEmbedded(dirs.file('b')), dirs);
  }

  /** Moves a guest from a to b through a pipe; it stays suspended on a and arrives paused on b. */
  async move(
    id: Domid,
    domain: Domain,
    options: { live: boolean; onEvent?: (event: TransferEvent) => void },
  ): Promise<Domid> {
    const pipe = makePipe('moving a guest');
    const [, arrived] = await Promise.all([
      this.a.save(id, pipe.writeEnd, { ...options, signal: never }),
      this.b.restore({ domain }, pipe.readEnd, { signal: never, streamVersion: 2 }),
    ]);
    return arrived;
  }

  [Symbol.dispose](): void {
    this.temp[Symbol.dispose]();
  }
}
