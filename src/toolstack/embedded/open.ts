import { resolve } from 'node:path';
import type { Toolstack } from '../toolstack.js';
import { EmbeddedToolstack } from './embedded-toolstack.js';
import { HostFolder } from './host-folder.js';

export interface EmbeddedOptions {
  /** What the host says its version is: the program's. */
  readonly version?: string;
  /** This process is there for long: it keeps an agent ready for the next transfer. */
  readonly stays?: boolean;
}

/**
 * Opens the embedded host in a folder; a folder that is not there is made, mode 0700.
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
