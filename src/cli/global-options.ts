import type { LocationOptions } from '../api/options/location.js';

/** Options that every verb has. */
export interface GlobalOptions {
  readonly configFile?: string | undefined;
  readonly connect?: string | undefined;
  readonly stateDir?: string | undefined;
  readonly deadline?: readonly string[] | undefined;
}

/** The host that a verb's options name, as the API takes it. */
export function locationOptionsOf({ connect, stateDir, configFile }: GlobalOptions): LocationOptions {
  return { uri: connect, stateDir, configFile };
}
