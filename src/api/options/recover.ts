import type { CallOptions } from './calls.js';
import type { ReachOptions } from './migrate.js';

export interface RecoverOptions extends ReachOptions, CallOptions {
  readonly onNotice?: ((text: string) => void) | undefined;
}
