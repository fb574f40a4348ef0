import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../posix/folder.js';
import { readBounded, writeDurably } from '../posix/durable-file.js';

const MAX_BYTES = 1024;

/** What the kernel made up when this host booted (random(4)); undefined where it does not say. */
export function kernelBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined; // then a reboot is not told from a quiet night; domains are found by UUID all the same
  }
}

/** Whether the host has booted since `rememberBoot` was last called with the same folder. */
export function hasRebooted(dir: string, now = kernelBootId()): boolean {
  const before = readBounded(pathIn(dir), MAX_BYTES)?.trim();
  return before !== undefined && now !== undefined && before !== now;
}

/** Keeps in mind which boot this is, durably; once all that a reboot asks for is done. Throws the system's error. */
export function rememberBoot(dir: string, now = kernelBootId()): void {
  if (now === undefined || readBounded(pathIn(dir), MAX_BYTES)?.trim() === now) return;
  makeFolder(dir);
  writeDurably(pathIn(dir), `${now}\n`);
}

function pathIn(dir: string): string {
  return join(dir, 'boot-id');
}
