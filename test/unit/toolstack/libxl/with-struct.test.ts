import { describe, expect, it } from 'vitest';
import { withMemory, withStruct } from '../../../../src/toolstack/libxl/with-struct.js';
import { FakeNative } from './fake-native.js';

describe('S45: structures of libxl', () => {
  it('are initialised before use, disposed of and freed after it', async () => {
    const native = new FakeNative();
    const result = await withStruct(native, 'physinfo', (at) => {
      expect(native.initialised.get(at)).toBe('physinfo');
      expect(native.allocated.has(at)).toBe(true);
      return 'read';
    });
    expect(result).toBe('read');
    expect(native.initialised.size).toBe(0);
    expect(native.allocated.size).toBe(0);
    expect(native.allocations).toBe(1);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('no'))],
    [
      'throws at once',
      () => {
        throw new Error('no');
      },
    ],
  ])('are disposed of and freed where use %s', async (_, use) => {
    const native = new FakeNative();
    await expect(withStruct(native, 'dominfo', use)).rejects.toThrow('no');
    expect(native.initialised.size).toBe(0);
    expect(native.allocated.size).toBe(0);
    expect(native.allocations).toBe(1);
  });

  it('stay while a promise of their use is open', async () => {
    const native = new FakeNative();
    let finish: (() => void) | undefined;
    const used = withStruct(native, 'domain_config', () => new Promise<void>((resolve) => (finish = resolve)));
    await Promise.resolve();
    expect(native.initialised.size).toBe(1);
    finish?.();
    await used;
    expect(native.initialised.size).toBe(0);
  });

  it('are freed, but not disposed of, where they cannot be initialised', async () => {
    const native = new FakeNative();
    native.init = () => {
      throw new Error('no init');
    };
    await expect(withStruct(native, 'dominfo', () => 1)).rejects.toThrow('no init');
    expect(native.allocated.size).toBe(0);
  });

  it('plain memory is freed too', async () => {
    const native = new FakeNative();
    await expect(withMemory(native, 4, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(native.allocated.size).toBe(0);
  });
});
