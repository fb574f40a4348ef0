import { describe, expect, it } from 'vitest';
import { changeOf } from '../../../src/cli/scheduling-words.js';

const NONE = { weight: undefined, cap: undefined };

describe('S35: what the words of schedinfo change', () => {
  it.each([
    [NONE, [], undefined],
    [{ weight: '500', cap: undefined }, [], { weight: 500 }],
    [{ weight: '500', cap: '50' }, [], { weight: 500, cap: 50 }],
    [NONE, ['cap=50', 'weight=500'], { weight: 500, cap: 50 }],
    [{ weight: undefined, cap: '0' }, ['weight=1'], { weight: 1, cap: 0 }],
    // Whether it may be so is not said here.
    [{ weight: '-5', cap: undefined }, [], { weight: -5 }],
  ])('%j and --set %j: %j', (options, set, change) => {
    expect(changeOf(options, set)).toEqual(change);
  });

  it.each([
    [{ weight: 'much', cap: undefined }, [], 'E_USAGE_SCHEDULING', 'invalid weight "much"'],
    [{ weight: '', cap: undefined }, [], 'E_USAGE_SCHEDULING', 'invalid weight ""'],
    [{ weight: undefined, cap: '1e3' }, [], 'E_USAGE_SCHEDULING', 'invalid cap "1e3"'],
    [{ weight: undefined, cap: '0.5' }, [], 'E_USAGE_SCHEDULING', 'invalid cap "0.5"'],
    [{ weight: '9'.repeat(30), cap: undefined }, [], 'E_USAGE_SCHEDULING', 'invalid weight '],
    [NONE, ['weight'], 'E_USAGE_SCHEDULING', '--set weight is not NAME=VALUE'],
    [NONE, ['=5'], 'E_USAGE_SCHEDULING', '--set =5 is not NAME=VALUE'],
    [NONE, ['weight='], 'E_USAGE_SCHEDULING', 'invalid weight ""'],
    [NONE, ['shares=5'], 'E_USAGE_SCHEDULING', 'invalid scheduler option: shares'],
    [NONE, ['Weight=5'], 'E_USAGE_SCHEDULING', 'invalid scheduler option: Weight'],
    [NONE, ['__proto__=5'], 'E_USAGE_SCHEDULING', 'invalid scheduler option: __proto__'],
    [NONE, ['weight=5', 'weight=5'], 'E_USAGE_REPEATED', 'weight is given more than once'],
    [{ weight: undefined, cap: '5' }, ['cap=6'], 'E_USAGE_REPEATED', 'cap is given more than once'],
  ])('%j and --set %j: %s', (options, set, code, message) => {
    expect(() => changeOf(options, set)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error,
    );
  });
});
