import { expect, it } from 'vitest';
import { FailedAttempts } from '../../../src/dest/failed-attempts.js';
import { codeOf } from '../../../src/errors/message-of.js';

it('a peer with too many failed attempts in an hour is refused; others continue, and an hour later it may try again', () => {
  let now = 0;
  const failed = new FailedAttempts(() => now, 3);
  for (let n = 0; n < 3; n += 1) {
    expect(failed.problem('evil')).toBeUndefined();
    now += 60_000;
    failed.note('evil');
  }
  expect(codeOf(failed.problem('evil'))).toBe('E_REFUSED_BUSY');
  expect(failed.problem('evil')?.hint).toContain('in 58 minutes');
  expect(failed.problem('honest')).toBeUndefined();
  now += 3_600_000 - 120_000;
  expect(failed.problem('evil')).toBeUndefined();
  for (let n = 0; n < 1000; n += 1) failed.note('evil');
  expect(failed.problem('evil')?.data).toEqual({ count: 3 });
});
