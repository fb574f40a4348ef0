import { migrate, type Migrated, type MigrateRequest } from '../../src/migration/migrate.js';
import { connectToSelf } from '../../src/migration/xl/local-destination.js';
import { never, type LocalHost } from './local-host.js';

/** What the tests say of a migration where it does not matter to them. */
export const PLAINLY = {
  live: true,
  suspend: false,
  lanes: 1,
  cancel: never,
  abandon: never,
  onProgress: () => undefined,
} satisfies Partial<MigrateRequest>;

/** Moves `web1` between two hosts of this process, which know each other as `a` and `b`. */
export async function moveBetween(
  from: LocalHost,
  to: LocalHost,
  options: Partial<MigrateRequest> = {},
): Promise<Migrated> {
  return migrate(from.host, {
    ...PLAINLY,
    domain: 'web1',
    destination: 'b',
    connect: connectToSelf(to.host, { transport: 'tls', name: 'a', address: 'a' }, (line) => to.log.push(line)),
    ...options,
  });
}
