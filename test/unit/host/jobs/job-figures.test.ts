import { describe, expect, it } from 'vitest';
import { JobFigures } from '../../../../src/host/jobs/job-figures.js';

const MIB = 1024 * 1024;

describe('figures of a job', () => {
  it('says nothing of what it has not heard', () => {
    expect(new JobFigures(() => 0).numbers()).toEqual({});
  });

  it('counts passes over memory, and tells the downtime to expect from the second one on', () => {
    let now = 0;
    const figures = new JobFigures(() => now);
    figures.note({ type: 'phase', phase: 'perform' });
    figures.note({ type: 'round', round: 0, pagesSent: 0, pagesTotal: 1024 });
    now = 1000;
    figures.note({ type: 'bytes', rawBytes: 4 * MIB, wireBytes: MIB });
    figures.note({ type: 'round', round: 0, pagesSent: 512, pagesTotal: 1024 });
    expect(figures.numbers()).toMatchObject({
      phase: 'perform',
      dataTotalBytes: 4 * MIB,
      dataRemainingBytes: 2 * MIB,
      dataProcessedBytes: 4 * MIB,
      wireBytes: MIB,
      iteration: 1,
    });
    expect(figures.numbers().expectedDowntimeMs).toBeUndefined();
    now = 2000;
    figures.note({ type: 'round', round: 1, pagesSent: 0, pagesTotal: 256 });
    figures.note({ type: 'bytes', rawBytes: 6 * MIB, wireBytes: 2 * MIB });
    const numbers = figures.numbers();
    // 256 pages were written in the two seconds of the first pass; 1 MiB at 3 MiB/s is a third of one.
    expect(numbers).toMatchObject({ iteration: 2, dirtyPagesPerSecond: 128, bytesPerSecond: 3 * MIB });
    expect(numbers.expectedDowntimeMs).toBe(333);
  });

  it('takes pages for bytes where nobody counts bytes, as in a save to a file', () => {
    let now = 0;
    const figures = new JobFigures(() => now);
    figures.note({ type: 'round', round: 0, pagesSent: 0, pagesTotal: 512 });
    now = 500;
    figures.note({ type: 'round', round: 0, pagesSent: 512, pagesTotal: 512 });
    figures.note({ type: 'round', round: 1, pagesSent: 10, pagesTotal: 10 });
    expect(figures.numbers()).toMatchObject({ dataProcessedBytes: 522 * 4096, dataRemainingBytes: 0 });
  });

  it('knows what is still to come where it was told how much there is', () => {
    const figures = new JobFigures(() => 0);
    figures.expect(10 * MIB);
    figures.note({ type: 'bytes', rawBytes: 4 * MIB, wireBytes: 2 * MIB });
    expect(figures.numbers()).toMatchObject({ dataTotalBytes: 10 * MIB, dataRemainingBytes: 6 * MIB });
  });

  it('keeps few samples of a fast stream', () => {
    let now = 0;
    const figures = new JobFigures(() => now);
    for (let at = 0; at < 20_000; at += 1) {
      now = at;
      figures.note({ type: 'bytes', rawBytes: at * 1000, wireBytes: at });
    }
    expect(figures.numbers().bytesPerSecond).toBe(1_000_000);
  });
});
