import type { Compression } from '../../codec/agreement.js';
import type { CopyTimeout } from '../../migration/migration-timeout.js';
import type { ProgressEvent } from '../../source/report.js';

export type { Compression, CopyTimeout, ProgressEvent };

/** How another host is reached. */
export interface ReachOptions {
  /** xen+tls: folder with ca.pem, cert.pem and key.pem; default: `tls_dir` of the configuration. */
  readonly tlsDir?: string | undefined;
  /** xen+ssh: `ssh` keeps the data on ssh channels, without TLS lanes. */
  readonly transport?: 'ssh' | undefined;
  /** xen+ssh, xl+ssh: the program at the far host, if not `xenferry` or `xl`. */
  readonly remoteCommand?: string | undefined;
  /** Asked for the passphrase of a key file; default: such keys are not used. */
  readonly askPassphrase?: ((file: string) => Promise<string | undefined>) | undefined;
}

/** Options of each migration, of one domain or of many. */
export interface TransferOptions extends ReachOptions {
  /** Copy memory while the guest runs; default: false, the guest is suspended meanwhile. */
  readonly live?: boolean | undefined;
  /** Let the destination keep a definition of the domain; default: false. */
  readonly persistent?: boolean | undefined;
  /** Forget the definition here, once the destination has recorded the arrival; default: false. */
  readonly undefineSource?: boolean | undefined;
  /** Override the destination's check that the disks are there; default: false. */
  readonly unsafe?: boolean | undefined;
  /** Connections for the data, 1 to 64; default: one for each core but the first, 1 to 4. */
  readonly lanes?: number | undefined;
  /** Most MiB of guest memory a second; default: no limit. */
  readonly bandwidthMiBps?: number | undefined;
  /** Default: `auto`. */
  readonly compression?: Compression | undefined;
  /** Seconds to outlive the loss of every connection, 0: not at all; default: 30, or the configuration's. */
  readonly reconnectTimeoutS?: number | undefined;
}

export interface MigrateOptions extends TransferOptions {
  /** Name, UUID or id. */
  readonly domain: string;
  /** `xen+tls://HOST[:PORT]/system`, `xen+ssh://[USER@]HOST/system`, `xl+ssh://[USER@]HOST`, or an alias of the configuration. */
  readonly destination: string;
  /** Leave the guest paused at the destination; default: false. */
  readonly suspend?: boolean | undefined;
  /** Another name at the destination. */
  readonly name?: string | undefined;
  /** Domain XML for the definition that the destination keeps, in place of the one kept here. */
  readonly persistentXml?: string | undefined;
  /** Domain XML for the destination, instead of the running configuration; the guest must not observe a difference. */
  readonly xml?: string | undefined;
  /** Longest time of live copying, and what follows; needs `live`. */
  readonly timeout?: CopyTimeout | undefined;
  /** Stops the migration if that is still possible: the guest then continues here. */
  readonly signal?: AbortSignal | undefined;
  /** Stops the wait for the destination's answers; the migration may then be in doubt. */
  readonly abandonSignal?: AbortSignal | undefined;
  readonly onProgress?: ((event: ProgressEvent) => void) | undefined;
  /** What an operator should know of the way to the destination. */
  readonly onNotice?: ((text: string) => void) | undefined;
}
