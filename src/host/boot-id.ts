import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../posix/folder.js';
import { readBounded, writeDurably } from '../posix/durable-file.js';

const MAX_BYTES = 1024;

/** The random id of the host's present boot (random(4)); undefined if the kernel does not provide it. */
export function kernelBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined; // then a reboot is not detected; domains are found by UUID all the same
  }
}

/** Whether the host has booted since `rememberBoot` was last called with the same folder. */
export function hasRebooted(dir: string, now = kernelBootId()): boolean {
  const before = readBounded(pathIn(dir), MAX_BYTES)?.trim();
  return before !== undefined && now !== undefined && before !== now;
}

/** Records the present boot durably; called once the steps after a reboot are done. Throws the system's error. */
export function rememberBoot(dir: string, now = kernelBootId()): void {
  if (now === undefined || readBounded(pathIn(dir), MAX_BYTES)?.trim() === now) return;
  makeFolder(dir);
  writeDurably(pathIn(dir), `${now}\n`);
}

function pathIn(dir: string): string {
  return join(dir, 'boot-id');
}
