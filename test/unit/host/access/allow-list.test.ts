import { describe, expect, it } from 'vitest';
import { AllowList } from '../../../../src/host/access/allow-list.js';

describe('who may send guests', () => {
  it.each([
    [[], 'anybody', false],
    [['*'], 'anybody', true],
    [['a', '*'], 'b', true],
    [['hv1.example'], 'hv1.example', true],
    [['hv1.example'], 'HV1.Example', true],
    [['hv1.example'], 'hv1.example.evil', false],
    [['hv1.example'], 'xhv1.example', false],
    [['*.example'], 'hv1.example', true],
    [['*.example'], 'a.b.example', true],
    [['*.example'], 'example', false],
    [['*.example'], '.example', false],
    [['*.example'], 'evilexample', false],
    [['192.0.2.1', 'b'], '192.0.2.1', true],
    [['2001:db8::1'], '2001:db8::1', true],
    [['a', 'b'], 'c', false],
    [['a'], '', false],
  ])('%j and %j: %s', (names, name, allowed) => {
    expect(new AllowList(names).allows(name)).toBe(allowed);
  });

  it.each(['', '**', 'a b', '*.*', 'hv*.example', 'a\nb', '.example', '-a'])('%j is no rule', (name) => {
    expect(() => new AllowList([name])).toThrow(expect.objectContaining({ code: 'E_USAGE_ALLOW' }) as Error);
  });
});
