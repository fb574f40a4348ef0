import { describe, expect, it } from 'vitest';
import { parseLogLine } from '../../../../src/toolstack/libxl/log-line.js';

// Lines of a real Xen 4.17.
describe('lines of libxl', () => {
  it.each([
    ['xc: detail: Frames iteration 0: 11264/1044480    1%', { kind: 'round', round: 0, done: 11264, total: 1044480 }],
    ['xc: progress: Frames iteration 2: 100/100  100%', { kind: 'round', round: 2, done: 100, total: 100 }],
    ['xc: progress: Frames: 0/1044480    0%', { kind: 'round', round: 0, done: 0, total: 1044480 }],
    ['xc: progress: Domain now suspended', { kind: 'suspended' }],
    [
      'xc: info: Saving domain 4, type x86 HVM',
      { kind: 'text', level: 'info', text: 'xc: Saving domain 4, type x86 HVM', domid: undefined },
    ],
    [
      'libxl: error: libxl_dom_suspend.c:666:domain_resume_done: Domain 4:xc_domain_resume failed: Invalid argument',
      { kind: 'text', level: 'error', text: 'Domain 4:xc_domain_resume failed: Invalid argument', domid: 4 },
    ],
    ['something else', { kind: 'text', level: 'info', text: 'something else', domid: undefined }],
    ['libxl: notice: hm', { kind: 'text', level: 'info', text: 'hm', domid: undefined }],
    ['libxl: critical: hm', { kind: 'text', level: 'error', text: 'hm', domid: undefined }],
    ['libxl: warning: hm', { kind: 'text', level: 'warning', text: 'hm', domid: undefined }],
    ['libxl: debug: hm', { kind: 'text', level: 'debug', text: 'hm', domid: undefined }],
    ['', { kind: 'text', level: 'info', text: '', domid: undefined }],
  ])('%s', (line, expected) => {
    expect(parseLogLine(line)).toEqual(expected);
  });

  it("knows libxl's and libxc's word for a guest that has stopped", () => {
    const place = 'libxl: debug: libxl_dom_suspend.c:358:domain_suspend_common_guest_suspended: ';
    expect(parseLogLine(`${place}Domain 4:guest has suspended`)).toEqual({ kind: 'suspended' });
    expect(parseLogLine('libxl: error: a guest has suspended us')).toMatchObject({ kind: 'text', level: 'error' });
  });
});
