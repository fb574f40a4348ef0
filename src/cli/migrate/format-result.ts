import type { Migrated } from '../../api/migration.js';
import { MigrationError, XenferryError, codeOf, messageOf } from '../../api/errors.js';
import { transferFigures, transferText } from '../transfer-figures.js';

/** What `--json` says of a migration. */
export function resultOf(migrated: Migrated): Record<string, unknown> {
  return {
    result: 'done',
    domain: migrated.domain,
    running: migrated.runningThere,
    totalMs: Math.round(migrated.totalMs),
    downtimeMs: migrated.downtimeMs === undefined ? null : Math.round(migrated.downtimeMs),
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

/** What `--json` says of a migration that did not happen. `guest` is `untouched` where nothing had begun. */
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

/** The same in words. */
export function summaryOf(migrated: Migrated, destination: string): string {
  const { domain, totalMs, downtimeMs, rounds, lanes, transport, reconnects } = migrated;
  const state = migrated.runningThere ? 'runs' : 'is paused';
  const downtime = downtimeMs === undefined ? '' : `, downtime ${Math.round(downtimeMs)} ms`;
  const again = reconnects === 0 ? '' : `, ${reconnects} connections made again`;
  return `${domain} ${state} at ${destination}: ${(totalMs / 1000).toFixed(2)} s${downtime}, ${transferText(migrated)}, ${rounds} rounds, ${lanes} lanes over ${transport}${again}`;
}
