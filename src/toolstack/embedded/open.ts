import { resolve } from 'node:path';
import type { Toolstack } from '../toolstack.js';
import { EmbeddedToolstack } from './embedded-toolstack.js';
import { HostFolder } from './host-folder.js';

/** Options of an embedded host. */
export interface EmbeddedOptions {
  /** The version that the host reports: the program's. */
  readonly version?: string;
  /** This process is there for long: it keeps an agent ready for the next transfer. */
  readonly stays?: boolean;
}

/**
 * Opens the embedded host in a folder; a missing folder is made, mode 0700.
 * @throws ToolstackError E_TOOLSTACK_FOLDER
 */
export function openEmbedded(dir: string, options: EmbeddedOptions = {}): Promise<Toolstack> {
  return new Promise((done) => {
    const path = resolve(dir);
    const toolstack = new EmbeddedToolstack(HostFolder.open(path), `embedded://${path}`, options.version ?? '0');
    if (options.stays === true) toolstack.keepSpare();
    done(toolstack);
  });
}
