import { describe, expect, it } from 'vitest';
import { moveOf } from '../../../src/api/process/evacuation-move.js';
import type { Migrated } from '../../../src/migration/migrate.js';
import { MigrationError } from '../../../src/migration/migration-error.js';
import { RefusedError, TunnelError } from '../../../src/errors/errors.js';
import type { GuestPlace } from '../../../src/source/report.js';

const fails = (error: Error) => moveOf(() => Promise.reject<Migrated>(error));
const at = (guest: GuestPlace, code = 'E_TUNNEL_LOST'): MigrationError =>
  new MigrationError(code, 'it failed', { guest, phase: 'perform', cancelled: false }, { hint: 'Look.' });

describe('what a migration came to, for an evacuation', () => {
  it.each([
    ['source-running', 'stays'],
    ['source-paused', 'stays'],
    ['source-suspended', 'not-running'],
    ['source-stopped', 'not-running'],
    ['in-doubt', 'in-doubt'],
    ['destination', 'in-doubt'],
  ] as const)('a guest that is %s: %s', async (place, came) => {
    expect(await fails(at(place))).toMatchObject({ came, why: { code: 'E_TUNNEL_LOST', hint: 'Look.' } });
  });

  it('a guest that was not there any more when it was its turn is gone', async () => {
    expect(await fails(new RefusedError('E_REFUSED_NO_DOMAIN', 'no such domain'))).toEqual({ came: 'gone' });
    expect(await fails(new RefusedError('E_REFUSED_NOT_RUNNING', 'it is not running'))).toEqual({ came: 'gone' });
  });

  it('a guest whose place is known is never taken for gone', async () => {
    expect(await fails(at('in-doubt', 'E_REFUSED_NO_DOMAIN'))).toMatchObject({ came: 'in-doubt' });
  });

  it('only a destination that cannot be reached is left alone from then on', async () => {
    expect(await fails(new TunnelError('E_TUNNEL_UNREACHABLE', 'no route'))).toMatchObject({ isUnreachable: true });
    expect(await fails(at('source-running', 'E_DEADLINE_CONNECT'))).toMatchObject({ isUnreachable: true });
    expect(await fails(new RefusedError('E_REFUSED_NO_MEMORY', 'no room'))).toMatchObject({ isUnreachable: false });
  });

  it('a mistake of ours keeps the domain where it is, and is told', async () => {
    expect(await fails(new Error('oops'))).toMatchObject({ came: 'stays', why: { code: 'E_BUG', message: 'oops' } });
  });
});
