import { describe, expect, it } from 'vitest';
import { checkMigration } from '../../../src/api/process/migrate-with.js';
import { checkEvacuation } from '../../../src/api/process/evacuate-with.js';

const live = { live: true };

describe('options of a migration that cannot be', () => {
  it.each([
    ['E_USAGE_LANES', { lanes: 0 }, /^lanes 0: /],
    ['E_USAGE_LANES', { lanes: 1.5 }, /^lanes 1.5: /],
    ['E_USAGE_BANDWIDTH', { bandwidthMiBps: 0 }, /^bandwidthMiBps 0: /],
    ['E_USAGE_BANDWIDTH', { bandwidthMiBps: NaN }, /^bandwidthMiBps NaN: /],
    ['E_USAGE_RECONNECT', { reconnectTimeoutS: -1 }, /^reconnectTimeoutS -1: /],
    ['E_USAGE_DOMAIN_NAME', { name: '' }, /name/],
    ['E_USAGE_COMPRESS', { compression: { level: 0 } }, /^compression: /],
    ['E_USAGE_TIMEOUT', { ...live, timeout: { seconds: 0, then: 'suspend' as const } }, /^timeout 0: /],
    ['E_USAGE_TIMEOUT', { timeout: { seconds: 5, then: 'cancel' as const } }, /^timeout without live$/],
  ] as const)('%s %j', (code, options, message) => {
    expect(() => checkMigration(options)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
    );
  });

  it('are named as their user calls them', () => {
    expect(() => checkMigration({ lanes: 0 }, (field) => `--${field}`)).toThrow(/^--lanes 0: /);
  });

  it('may be left out', () => {
    expect(() => checkMigration({})).not.toThrow();
  });
});

describe('options of an evacuation that cannot be', () => {
  it.each([
    ['E_USAGE_ARGUMENTS', { to: [] }],
    ['E_USAGE_PARALLEL', { to: ['xen+ssh://b'], parallel: 0 }],
    ['E_USAGE_LANES', { to: ['xen+ssh://b'], lanes: 0 }],
  ])('%s %j', (code, options) => {
    expect(() => checkEvacuation(options)).toThrow(expect.objectContaining({ code }));
  });
});
