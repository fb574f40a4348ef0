import { describe, expect, it } from 'vitest';
import { soak } from '../support/soak/ring.js';

const SEED = Number(process.env.XENFERRY_FAULT_SEED ?? '20261123');

describe('the soak, in short', () => {
  it('F1 F2 F6 F7 F41 F50: guests go round three hosts while things go wrong, and each is there once and whole', async () => {
    const report = await soak({ seconds: 12, seed: SEED, guests: 12, chance: 0.01 });
    const faults = Object.values(report.faults).reduce((sum, count) => sum + count, 0);
    process.stdout.write(
      `soak: ${report.migrations} migrations, ${faults} faults, ${report.recoveries} recoveries, ${report.pagesChecked} pages, seed ${SEED}\n`,
    );
    expect(report.problems).toEqual([]);
    expect(report.migrations).toBeGreaterThan(3);
    expect(report.arrived).toBeGreaterThan(0);
    expect(faults).toBeGreaterThan(0);
    expect(report.pagesChecked).toBeGreaterThan(0);
  }, 180_000);
});
