import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { LibvirtSocket } from '../api/internal/libvirt.js';

/** Where libvirt's clients look for its daemon for Xen. */
const SYSTEM_SOCKET = '/run/libvirt/virtxend-sock';

/** Only its owner does everything; everybody of the host may look, as with libvirtd. */
const MODES = { admin: 0o600, reader: 0o666 } as const;

/**
 * The sockets at which clients of libvirt are served: a pair for each path, `PATH` and `PATH-ro`. The folder of libvirt's own is made
 * where it is missing.
 */
export function libvirtSockets(
  config: { readonly libvirtSockets?: boolean | undefined },
  named: string | undefined,
): LibvirtSocket[] {
  if (config.libvirtSockets === true) mkdirSync(dirname(SYSTEM_SOCKET), { recursive: true, mode: 0o755 });
  const paths = [
    ...(config.libvirtSockets === true ? [SYSTEM_SOCKET] : []),
    ...(named === undefined ? [] : [resolve(named)]),
  ];
  return paths.flatMap((path) => [
    { path, role: 'admin', mode: MODES.admin },
    { path: `${path}-ro`, role: 'reader', mode: MODES.reader },
  ]);
}
