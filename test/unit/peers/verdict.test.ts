import { describe, expect, it } from 'vitest';
import type { Known } from '../../support/peers/known.js';
import { differencesOf, jsonLeaves, type Outcome, type PeerCase } from '../../support/peers/outcome.js';
import { judge } from '../../support/peers/verdict.js';
import { readChecks } from '../../support/peers/xen-suite.js';

const one: PeerCase = {
  suite: 'disks',
  source: 'peer 1',
  name: 'first',
  run: () => ({ kind: 'compared', differences: [] }),
};
const meant: Known = { suite: /^disks$/, name: /first/, what: /^a\.b: "1" there/, reason: 'because' };

const differing = (theirs: unknown, ours: unknown): Outcome => ({
  kind: 'compared',
  differences: differencesOf(jsonLeaves(theirs), jsonLeaves(ours)),
});
const refused = (theirs: boolean): Outcome => ({ kind: 'refused', code: 'E_X', message: 'no', theirs });

describe('the verdict on a case of a peer', () => {
  it('is «same» only without a difference, and «known» only where each difference is on the list', () => {
    const used = new Set<Known>();
    expect(judge(one, differing({ a: { b: 1 } }, { a: { b: 1 } }), [meant], used).verdict).toBe('same');
    expect(used.size).toBe(0);
    expect(judge(one, differing({ a: { b: 1 } }, {}), [meant], used).verdict).toBe('known');
    expect(used.has(meant)).toBe(true);
    expect(judge(one, differing({ a: { b: 1, c: [2] } }, {}), [meant], used)).toEqual({
      verdict: 'wrong',
      trouble: ['a.c[0]: "2" there, nothing here'],
    });
    expect(judge({ ...one, suite: 'cards' }, differing({ a: { b: 1 } }, {}), [meant], used).verdict).toBe('wrong');
  });

  it('takes a refusal as right where the peer refuses, too, or the list says so', () => {
    expect(judge(one, refused(true), [], new Set()).verdict).toBe('refused');
    expect(judge(one, refused(false), [], new Set()).verdict).toBe('wrong');
    expect(judge(one, refused(false), [{ ...meant, what: /^E_X: no/ }], new Set()).verdict).toBe('refused');
  });
});

describe("Xen's own checks", () => {
  it('are read with what each text must give, or that it must be refused', () => {
    const script = [
      'expected <<END',
      'disk: { "vdev": "hda" }',
      'END',
      'one 0 "format=raw, vdev=hda"',
      'one 0 format=raw vdev=hda',
      'expected </dev/null',
      'one $e foo',
    ].join('\n');
    expect(readChecks(script)).toEqual([
      { fails: false, text: 'format=raw, vdev=hda', expected: 'disk: { "vdev": "hda" }' },
      { fails: false, text: 'format=raw,vdev=hda', expected: 'disk: { "vdev": "hda" }' },
      { fails: true, text: 'foo', expected: '' },
    ]);
  });
});
