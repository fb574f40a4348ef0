import { writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LogTap } from '../../../../src/toolstack/libxl/log-tap.js';
import type { TransferEvent } from '../../../../src/toolstack/toolstack.js';

describe('log of libxl', () => {
  it('has been heard when the call that logged it ends', async () => {
    const tap = new LogTap();
    const events: TransferEvent[] = [];
    const { result, errors } = await tap.during(
      3,
      (event) => events.push(event),
      () => {
        writeSync(tap.fd, 'xc: progress: Frames iteration 1: 5/10   50%\nxc: progress: Domain now suspended\n');
        writeSync(tap.fd, 'libxl: debug: a.c:1:f: Domain 3:guest has suspended\nlibxl: debug: a.c:1:f: more\n');
        writeSync(tap.fd, 'libxl: error: a.c:1:f: Domain 3:it broke\nlibxl: error: a.c:1:f: Domain 4:so did this\n');
        writeSync(tap.fd, 'libxl: warning: hm\n');
        return Promise.resolve('done');
      },
    );
    expect(result).toBe('done');
    expect(errors).toEqual(['Domain 3:it broke']);
    expect(events).toEqual([
      { type: 'round', round: 1, pagesSent: 5, pagesTotal: 10 },
      { type: 'suspended', atMs: expect.any(Number) as unknown },
      { type: 'log', level: 'error', text: 'Domain 3:it broke' },
      { type: 'log', level: 'warning', text: 'hm' },
    ]);
  });

  it('keeps calls apart, and the last errors only', async () => {
    const tap = new LogTap();
    const many = await tap.during(undefined, undefined, () => {
      for (let n = 0; n < 30; n += 1) writeSync(tap.fd, `libxl: error: number ${n}\n`);
      return Promise.resolve();
    });
    expect(many.errors).toHaveLength(20);
    expect(many.errors.at(-1)).toBe('number 29');
    expect((await tap.during(1, undefined, () => Promise.resolve())).errors).toEqual([]);
  });

  it('does not wait in vain where another thread is in the middle of a line', async () => {
    const tap = new LogTap();
    const { errors } = await tap.during(1, undefined, () => {
      writeSync(tap.fd, 'libxl: error: half a li');
      return Promise.resolve();
    });
    expect(errors).toEqual(['half a li']);
  });

  it('a call that fails is no longer listened to', async () => {
    const tap = new LogTap();
    const events: TransferEvent[] = [];
    await expect(
      tap.during(
        1,
        (event) => events.push(event),
        () => Promise.reject(new Error('no')),
      ),
    ).rejects.toThrow('no');
    writeSync(tap.fd, 'libxl: warning: later\n');
    await tap.settled();
    expect(events).toEqual([]);
  });
});
