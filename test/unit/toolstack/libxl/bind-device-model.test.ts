import { describe, expect, it } from 'vitest';
import { bindDeviceModel } from '../../../../src/toolstack/libxl/bind-device-model.js';
import type { Library } from '../../../../src/toolstack/libxl/foreign.js';
import { SHUTDOWN_REBOOT } from '../../../../src/toolstack/libxl/native.js';
import { RC_FAIL, RC_OK } from '../../../../src/toolstack/libxl/return-code.js';

describe("a device model's one call", () => {
  it('is made through one handle; one that could not be opened is opened by the next call', () => {
    const handles = [null, 5n];
    const asked: unknown[][] = [];
    const func = (declaration: string): unknown =>
      declaration.includes('xendevicemodel_open')
        ? () => handles.shift()
        : (...args: unknown[]) => {
            asked.push(args);
            return args[1] === 9 ? -1 : 0;
          };
    let loads = 0;
    const { forceShutdown } = bindDeviceModel(() => {
      loads += 1;
      return { func } as unknown as Library;
    });
    expect(loads).toBe(0);
    expect(forceShutdown(3, SHUTDOWN_REBOOT)).toBe(RC_FAIL);
    expect(asked).toEqual([]);
    expect(forceShutdown(3, SHUTDOWN_REBOOT)).toBe(RC_OK);
    expect(forceShutdown(9, SHUTDOWN_REBOOT)).toBe(RC_FAIL);
    expect(asked).toEqual([
      [5n, 3, SHUTDOWN_REBOOT],
      [5n, 9, SHUTDOWN_REBOOT],
    ]);
    expect(loads).toBe(1);
  });
});
