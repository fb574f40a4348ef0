import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, sep } from 'node:path';

/**
 * Where guests of other hosts may have disks, kernels and sockets if the configuration sets no paths: the folders in
 * which libvirt, Xen and operators keep images.
 */
export const DEFAULT_GUEST_PATHS: readonly string[] = [
  '/var/lib/libvirt/images',
  '/var/lib/libvirt/boot',
  '/var/lib/xen/images',
  '/var/lib/xenferry/images',
  '/srv',
];

const DEVICES = '/dev/';

/** A guest's file below one of these does not make its folder a folder of guests. */
const SYSTEM = /^\/(?:bin|boot|dev|etc|lib|lib32|lib64|proc|root|run|sbin|sys|usr)(?:\/|$)/;
/** Least depth of a folder of guests: `/data` is none, `/data/vms` is one. */
const LEAST_DEPTH = 2;
/** Folders of device nodes whose members belong to different owners. */
const SHARED_DEVICE_FOLDER = /^\/dev(?:\/(?:mapper|disk(?:\/.*)?|char|block))?$/;

/**
 * The folders of guests, derived from the paths in this host's own definitions: a file's folder, unless it is a system
 * folder; a device node itself, and the folder of its volume group.
 */
export function placesOfOwn(paths: readonly string[]): string[] {
  const found = new Set<string>();
  for (const path of paths.filter(isPlain)) {
    found.add(path);
    const folder = dirname(path);
    const isOfGuests = path.startsWith(DEVICES)
      ? !SHARED_DEVICE_FOLDER.test(folder)
      : !SYSTEM.test(folder) && folder.split(sep).length > LEAST_DEPTH;
    if (isOfGuests) found.add(folder);
  }
  return [...found];
}

/** Absolute, and in the shortest form: the compared path is the opened one. */
export function isPlain(path: string): boolean {
  return isAbsolute(path) && normalize(path) === path && !path.includes('\0');
}

/**
 * Whether a path lies in one of some folders, or is one of them, also after resolving all symbolic links in it. A path
 * outside of them by its text is not resolved. A device node may be reached by the links that udev makes in /dev.
 */
export async function liesIn(path: string, folders: readonly string[]): Promise<boolean> {
  if (!isPlain(path)) return false;
  const real = await Promise.all(folders.map(async (folder) => [folder, await realOf(folder)] as const));
  if (!real.some((names) => names.some((folder) => isBelow(path, folder)))) return false;
  const target = await realOf(path);
  if (real.some(([, folder]) => isBelow(target, folder))) return true;
  return path.startsWith(DEVICES) && target.startsWith(DEVICES) && (await isBlockDevice(target));
}

function isBelow(path: string, folder: string): boolean {
  const base = folder.endsWith(sep) ? folder : folder + sep;
  return path === folder || path.startsWith(base);
}

async function isBlockDevice(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isBlockDevice(),
    () => false,
  );
}

/** Represents a path in no folder. */
const NOWHERE = '';

/** The real path; for a missing file, in the real path of its folder. A dangling link resolves to NOWHERE. */
async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const isLink = await lstat(path).then(
      (found) => found.isSymbolicLink(),
      () => false,
    );
    if (isLink) return NOWHERE;
    const folder = dirname(path);
    if (folder === path) return path;
    const real = await realOf(folder);
    return real === NOWHERE ? NOWHERE : join(real, path.slice(folder.length));
  }
}
