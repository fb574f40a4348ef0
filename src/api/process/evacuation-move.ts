import type { Migrated } from '../../migration/migrate.js';
import { MigrationError } from '../../migration/migration-error.js';
import { XenferryError } from '../../errors/errors.js';
import { codeOf, messageOf } from '../../errors/message-of.js';
import type { Move } from '../../fleet/evacuate.js';

/** The domain has stopped since the host was listed. */
const GONE: ReadonlySet<string> = new Set(['E_REFUSED_NO_DOMAIN', 'E_REFUSED_NOT_RUNNING']);
/** The destination is not tried again for other domains. */
const UNREACHABLE: ReadonlySet<string> = new Set(['E_TUNNEL_UNREACHABLE', 'E_TUNNEL_AUTH', 'E_DEADLINE_CONNECT']);

/** The result of a migration, for an evacuation. Never rejects. */
export async function moveOf(migrate: () => Promise<Migrated>): Promise<Move> {
  try {
    const { totalMs, downtimeMs, warnings } = await migrate();
    return { came: 'moved', totalMs, ...(downtimeMs === undefined ? {} : { downtimeMs }), warnings };
  } catch (error) {
    const code = codeOf(error);
    const hint = error instanceof XenferryError ? error.hint : undefined;
    const why = { code, message: messageOf(error), ...(hint === undefined ? {} : { hint }) };
    const stays: Move = { came: 'stays', why, isUnreachable: UNREACHABLE.has(code) };
    if (!(error instanceof MigrationError)) return GONE.has(code) ? { came: 'gone' } : stays;
    switch (error.guest) {
      case 'in-doubt':
      case 'destination': // it failed behind its arrival: it is offered to nobody else
        return { came: 'in-doubt', why };
      case 'source-suspended':
      case 'source-stopped':
        return { came: 'not-running', why };
      case 'source-running':
      case 'source-paused':
        return stays;
    }
  }
}
