import { describe, expect, it } from 'vitest';
import { RefusedError, ToolstackError } from '../../../src/errors/errors.js';
import { codeOf, messageOf } from '../../../src/errors/message-of.js';
import { fromWire, toWire } from '../../../src/errors/wire.js';

describe('S03: the last error as a message, everywhere', () => {
  it('prints a wrapped error and what it wraps', () => {
    const inner = new Error('no space left on device');
    const middle = new ToolstackError('E_TOOLSTACK_SAVE_WRITE', 'the save failed', { cause: inner });
    const outer = new ToolstackError('E_TOOLSTACK_RESTORE', 'the move failed', { cause: middle });
    expect(messageOf(outer)).toBe('the move failed: the save failed: no space left on device');
  });

  it('says a message once that its wrapper repeats', () => {
    const inner = new Error('broken pipe');
    expect(messageOf(new Error('writing: broken pipe', { cause: inner }))).toBe('writing: broken pipe');
  });

  it.each([undefined, null, {}, 5, ''])('says «no error» for %j, never undefined or [object Object]', (thrown) => {
    expect(messageOf(thrown)).toBe('no error');
  });

  it('ends at a cause that is its own', () => {
    const circle = new Error('round');
    circle.cause = circle;
    expect(messageOf(circle)).toBe('round');
  });

  it('names the error class where the message is empty', () => {
    expect(messageOf(new TypeError(''))).toBe('TypeError');
  });
});

describe('errors across a boundary', () => {
  it('keep code, message, hint and data', () => {
    const error = new RefusedError('E_REFUSED_STATE', 'no', { hint: 'try y', data: { offset: 7, list: ['a'] } });
    const back = fromWire(toWire(error));
    expect(back).toMatchObject({
      code: 'E_REFUSED_STATE',
      message: 'no',
      hint: 'try y',
      data: { offset: 7, list: ['a'] },
    });
  });

  it('name a system error by its errno and anything else as a bug', () => {
    const system = Object.assign(new Error('x'), { code: 'ENOSPC' });
    expect(codeOf(system)).toBe('E_SYSTEM_ENOSPC');
    expect(codeOf(new Error('x'))).toBe('E_BUG');
  });
});
