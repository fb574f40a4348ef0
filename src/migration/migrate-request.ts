import type { Compression } from '../codec/agreement.js';
import type { Deadlines } from '../control/deadlines.js';
import type { Connect } from '../source/destination.js';
import type { ProgressEvent } from '../source/report.js';
import type { CopyTimeout } from './migration-timeout.js';

/** What to migrate, where to, and how. */
export interface MigrateRequest {
  /** Name, UUID or id. */
  readonly domain: string;
  /** For messages and the journal. */
  readonly destination: string;
  readonly connect: Connect;
  /** Lets the destination be dialled before `connect` is called; see `OpenDestination`. */
  readonly ahead?: ((signal: AbortSignal) => void) | undefined;
  readonly live: boolean;
  /** Leave the guest paused at the destination (`--suspend`). */
  readonly suspend: boolean;
  readonly dname?: string | undefined;
  /** Let the destination store a definition of the guest (`--persistent`). */
  readonly persistent?: boolean | undefined;
  /** Domain XML for that definition, instead of the one stored here. */
  readonly persistentXml?: string | undefined;
  /** Remove the definition here, once the destination has recorded the guest's arrival. */
  readonly undefineSource?: boolean | undefined;
  /** Domain XML for the destination, instead of the running configuration; the guest must not observe a difference. */
  readonly xml?: string | undefined;
  /** Override those of the destination's checks that allow it. */
  readonly unsafe?: boolean | undefined;
  /** Longest time of live copying. */
  readonly timeout?: CopyTimeout | undefined;
  readonly lanes: number;
  readonly bandwidthMiBps?: number | undefined;
  /** Default: auto. */
  readonly compression?: Compression | undefined;
  /** True: pages are looked for in TypeScript, also where WebAssembly can be had. */
  readonly withoutWasm?: boolean | undefined;
  /** Default: the host's own. */
  readonly deadlines?: Deadlines | undefined;
  readonly cancel: AbortSignal;
  readonly abandon: AbortSignal;
  readonly onProgress: (event: ProgressEvent) => void;
}
