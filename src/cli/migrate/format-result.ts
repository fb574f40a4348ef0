import type { Downtime, Migrated } from '../../api/migration.js';
import { MigrationError, XenferryError, codeOf, messageOf } from '../../api/errors.js';
import { transferFigures, transferText } from '../transfer-figures.js';

/** The `--json` output of a migration. */
export function resultOf(migrated: Migrated): Record<string, unknown> {
  return {
    result: 'done',
    domain: migrated.domain,
    running: migrated.runningThere,
    totalMs: Math.round(migrated.totalMs),
    downtimeMs: migrated.downtimeMs === undefined ? null : Math.round(migrated.downtimeMs),
    downtime: migrated.downtime === undefined ? null : downtimeParts(migrated.downtime),
    rawBytes: migrated.rawBytes,
    wireBytes: migrated.wireBytes,
    ...transferFigures(migrated),
    rounds: migrated.rounds,
    lanes: migrated.lanes,
    transport: migrated.transport,
    reconnects: migrated.reconnects,
    digest: migrated.digest,
    persistent: migrated.persistentThere,
    warnings: migrated.warnings,
  };
}

/** The `--json` output of a failed migration. `guest` is `untouched` if nothing had begun. */
export function failureOf(error: unknown): Record<string, unknown> {
  const migration = error instanceof MigrationError ? error : undefined;
  return {
    result: 'failed',
    code: codeOf(error),
    phase: migration?.phase ?? 'begin',
    guest: migration?.guest ?? 'untouched',
    message: messageOf(error),
    hint: (error instanceof XenferryError ? error.hint : undefined) ?? null,
  };
}

/** The result as text. */
export function summaryOf(migrated: Migrated, destination: string): string {
  const { domain, totalMs, downtime: away, rounds, lanes, transport, reconnects } = migrated;
  const state = migrated.runningThere ? 'runs' : 'is paused';
  const downtime = away === undefined ? '' : `, ${downtimeText(away)}`;
  const again = reconnects === 0 ? '' : `, ${reconnects} connections made again`;
  return `${domain} ${state} at ${destination}: ${(totalMs / 1000).toFixed(2)} s${downtime}, ${transferText(migrated)}, ${rounds} rounds, ${lanes} lanes over ${transport}${again}`;
}

/** The parts of the time in which the guest stood still, in whole ms; null where one is not known. */
function downtimeParts({ drainMs, lastRoundMs, arrival }: Downtime): Record<string, number | null> {
  const whole = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms));
  return {
    drainMs: whole(drainMs),
    lastRoundMs: whole(lastRoundMs),
    restoreMs: whole(arrival?.restoreMs),
    commitMs: whole(arrival?.commitMs),
    unpauseMs: whole(arrival?.unpauseMs),
  };
}

/** `downtime 61 ms (drain 9, last round 20, restore 17, commit 9, unpause 6)`. */
function downtimeText(downtime: Downtime): string {
  const { drainMs, lastRoundMs, restoreMs, commitMs, unpauseMs } = downtimeParts(downtime);
  const known = [
    ['drain', drainMs],
    ['last round', lastRoundMs],
    ['restore', restoreMs],
    ['commit', commitMs],
    ['unpause', unpauseMs],
  ].filter(([, ms]) => ms !== null);
  const parts = known.length === 0 ? '' : ` (${known.map(([name, ms]) => `${name} ${ms}`).join(', ')})`;
  return `downtime ${Math.round(downtime.totalMs)} ms${parts}`;
}
