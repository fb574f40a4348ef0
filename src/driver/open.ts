import { RefusedError } from '../errors/errors.js';
import { openEmbedded } from '../toolstack/embedded/open.js';
import type { Toolstack } from '../toolstack/toolstack.js';
import type { ConnectUri } from './uri.js';

/** The one place that picks a toolstack. */
/** @param version xenferry's own, which the embedded host calls its own as well */
export function openToolstack(uri: ConnectUri, version: string): Promise<Toolstack> {
  switch (uri.kind) {
    case 'embedded':
      return openEmbedded(uri.dir, { version });
    case 'xen':
      throw new RefusedError('E_REFUSED_TOOLSTACK', 'xen:///system cannot be opened by this release', {
        hint: 'Use -c embedded:///FOLDER.',
      });
  }
}
