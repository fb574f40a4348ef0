import type { ReachKind } from '../../domain/definition/host-reach.js';
import { UsageError } from '../../errors/errors.js';

/**
 * Kinds of permissions in `peers_may`: kinds of resources, fields of libxl's JSON, and replacing definitions of ours.
 */
export const LEAVE_KINDS = [
  'kernel',
  'network-disk',
  'emulator',
  'device-model-args',
  'bootloader',
  'bootloader-args',
  'script',
  'pci',
  'usb',
  'listen',
  'connect',
  'sdl',
  'network-device',
  'backend-domain',
  'field',
  'replace-definition',
] as const satisfies readonly (Exclude<ReachKind, 'path'> | 'field' | 'replace-definition')[];
export type LeaveKind = (typeof LEAVE_KINDS)[number];

/**
 * Permissions for the guests of other hosts: `KIND` for all of a kind, `KIND:VALUE` for one value, `KIND:FOLDER/` for
 * all values with that prefix.
 */
export class PeerLeaves {
  readonly #entries: ReadonlySet<string>;

  /** @param entries as in the configuration @throws UsageError `E_USAGE_PEERS_MAY` */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const [kind] = entry.split(':', 1);
      const value = entry.slice(kind.length + 1);
      if ((LEAVE_KINDS as readonly string[]).includes(kind) && (entry === kind || value !== '')) continue;
      throw new UsageError('E_USAGE_PEERS_MAY', `peers_may: ${JSON.stringify(entry)} has an unknown kind`, {
        hint: `Use KIND or KIND:VALUE, as "listen:0.0.0.0"; kinds are ${LEAVE_KINDS.join(', ')}.`,
      });
    }
    this.#entries = new Set(entries);
  }

  allows(kind: LeaveKind, value = ''): boolean {
    if (this.#entries.has(kind) || this.#entries.has(leaveFor(kind, value))) return true;
    return [...this.#entries].some(
      (entry) => entry.endsWith('/') && leaveFor(kind, value).startsWith(entry) && isPlainBelow(value),
    );
  }
}

/** Whether a value does not lead out of the folder of its entry. */
function isPlainBelow(value: string): boolean {
  return !value.split('/').includes('..');
}

/** The entry of `peers_may` that allows exactly this value. */
export function leaveFor(kind: LeaveKind, value: string): string {
  return value === '' ? kind : `${kind}:${value}`;
}
