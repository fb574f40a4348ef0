import { readFile, realpath, stat } from 'node:fs/promises';

/** Block devices that the host itself has mounted, or uses for swap. */
export interface MountedDevices {
  has(path: string): Promise<boolean>;
}

const NOTHING: MountedDevices = { has: () => Promise.resolve(false) };
/** Bits of a device number (makedev(3)). */
const MINOR_BITS = 8n;

/** As the kernel reports them now; none if it does not report them. */
export async function mountedDevices(): Promise<MountedDevices> {
  const [mounts, swaps] = await Promise.all(['/proc/self/mountinfo', '/proc/swaps'].map(textOf));
  const { numbers, sources } = mountsIn(mounts);
  const names = new Set(await Promise.all([...sources, ...swapsIn(swaps)].map(realOf)));
  if (numbers.size === 0 && names.size === 0) return NOTHING;
  return {
    has: async (path) => {
      const found = await stat(path, { bigint: true }).catch(() => undefined);
      if (found?.isBlockDevice() !== true) return false;
      return numbers.has(numberText(found.rdev)) || names.has(await realOf(path));
    },
  };
}

/** `MAJOR:MINOR` of each file system, and the device that it is on (proc_pid_mountinfo(5)). */
export function mountsIn(text: string): { readonly numbers: ReadonlySet<string>; readonly sources: readonly string[] } {
  const numbers = new Set<string>();
  const sources: string[] = [];
  for (const line of text.split('\n')) {
    const parts = line.split(' - ', 2);
    const number = parts[0].split(' ').at(2);
    if (number !== undefined) numbers.add(number);
    const source = parts.at(1)?.split(' ').at(1);
    if (source?.startsWith('/dev/') === true) sources.push(source);
  }
  return { numbers, sources };
}

function swapsIn(text: string): string[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s/, 1)[0])
    .filter((path) => path.startsWith('/dev/'));
}

function numberText(rdev: bigint): string {
  const major = ((rdev >> MINOR_BITS) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}

const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
const realOf = (path: string): Promise<string> => realpath(path).catch(() => path);
