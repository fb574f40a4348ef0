import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { scriptsIn } from '../../../../src/host/hooks/scripts.js';
import { TempFolder } from '../../toolstack/rig.js';

it('a folder of hooks that cannot be read is named, not taken for an empty one', () => {
  using temp = new TempFolder();
  const dir = temp.file('hooks');
  mkdirSync(dir, { mode: 0o700 });
  expect(scriptsIn(dir)).toEqual([]);
  writeFileSync(temp.file('hooks/libxl'), '', { mode: 0o600 });
  symlinkSync('libxl.d', temp.file('hooks/libxl.d')); // leads to itself
  expect(() => scriptsIn(dir)).toThrow(
    expect.objectContaining({ code: 'E_SYSTEM_HOOKS', message: expect.stringContaining('libxl.d') as unknown }),
  );
});
