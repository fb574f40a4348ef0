import { openEmbedded } from '../toolstack/embedded/open.js';
import { openLibxl } from '../toolstack/libxl/open.js';
import type { Toolstack } from '../toolstack/toolstack.js';
import type { ConnectUri } from './config/uri.js';

/**
 * The only place that selects a toolstack.
 * @param version xenferry's own, which the embedded host reports as its own as well
 * @param stays whether this process is long-lived, such as a daemon
 */
export function openToolstack(uri: ConnectUri, version: string, stays: boolean): Promise<Toolstack> {
  switch (uri.kind) {
    case 'embedded':
      return openEmbedded(uri.dir, { version, stays });
    case 'xen':
      return openLibxl(stays);
  }
}
