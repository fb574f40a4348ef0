import type { ProgressEvent } from '../../api/errors.js';
import type { Asker, DialingOptions } from '../dialing-options.js';
import type { GlobalOptions } from '../global-options.js';

/** The options of `migrate`, as yargs gives them. */
export interface MigrateOptions extends GlobalOptions, DialingOptions {
  domain: string;
  desturi: string;
  live: boolean;
  suspend: boolean;
  dname?: string | undefined;
  persistent: boolean;
  'persistent-xml'?: string | undefined;
  undefinesource: boolean;
  xml?: string | undefined;
  timeout?: number | undefined;
  'timeout-suspend': boolean;
  'timeout-cancel': boolean;
  unsafe: boolean;
  lanes: number;
  bandwidth?: number | undefined;
  compress: string;
  'reconnect-timeout'?: number | undefined;
}

/** What a migration needs from its requester. */
export interface MigrateSession extends Asker {
  /** Stops it if that is still possible. */
  readonly cancel: AbortSignal;
  /** Stops the wait for the destination's answers. */
  readonly abandon: AbortSignal;
  readonly onProgress: (event: ProgressEvent) => void;
  readonly onNotice: (text: string) => void;
}
