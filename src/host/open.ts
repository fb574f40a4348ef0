import { openEmbedded } from '../toolstack/embedded/open.js';
import { openLibxl } from '../toolstack/libxl/open.js';
import type { Toolstack } from '../toolstack/toolstack.js';
import type { ConnectUri } from './config/uri.js';

/**
 * The one place that picks a toolstack.
 * @param version xenferry's own, which the embedded host calls its own as well
 * @param stays whether this process is there for long, as a daemon is
 */
export function openToolstack(uri: ConnectUri, version: string, stays: boolean): Promise<Toolstack> {
  switch (uri.kind) {
    case 'embedded':
      return openEmbedded(uri.dir, { version });
    case 'xen':
      return openLibxl(stays);
  }
}
