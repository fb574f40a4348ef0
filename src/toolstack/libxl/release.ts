import { readFileSync } from 'node:fs';
import { RefusedError } from '../../errors/errors.js';

/** Xen 4.14 to 4.22: the releases whose libxl.h has the signatures that `load.ts` declares. */
const OLDEST_MINOR = 14;
const NEWEST_MINOR = 22;

/** Folder in which a Xen kernel describes its hypervisor. */
const VERSION_FOLDER = '/sys/hypervisor/version';

/**
 * The release of the running hypervisor, `4.17`: libxl's soname carries it, and a libxl of another
 * release cannot talk to it.
 * @param readText reads a file; throws if there is none
 * @throws RefusedError E_REFUSED_NO_XEN, E_REFUSED_XEN_RELEASE
 */
export function runningRelease(readText: (path: string) => string = (path) => readFileSync(path, 'utf8')): string {
  let major: string, minor: string;
  try {
    major = readText(`${VERSION_FOLDER}/major`).trim();
    minor = readText(`${VERSION_FOLDER}/minor`).trim();
  } catch (cause) {
    throw new RefusedError('E_REFUSED_NO_XEN', 'this is not a Xen host: /sys/hypervisor does not show Xen', {
      cause,
      hint: 'Boot Xen and run this in domain 0, or use -c embedded:///FOLDER.',
    });
  }
  const number = Number(minor);
  if (major !== '4' || !Number.isInteger(number) || number < OLDEST_MINOR || number > NEWEST_MINOR) {
    throw new RefusedError(
      'E_REFUSED_XEN_RELEASE',
      `Xen ${major}.${minor} is not known to this release: it works with 4.${OLDEST_MINOR} to 4.${NEWEST_MINOR}`,
      { hint: 'Look for a newer xenferry.', data: { xen: `${major}.${minor}` } },
    );
  }
  return `4.${minor}`;
}

/** File names under which a release's library may be found by the dynamic loader. */
export function librariesOf(release: string): { readonly libxl: string; readonly toollog: string } {
  // Both are versioned separately: libxentoollog has had major version 1 since it came out of libxc (Xen 4.7).
  return { libxl: `libxenlight.so.${release}`, toollog: 'libxentoollog.so.1' };
}
