import { expect, it, vi } from 'vitest';
import type { ErrorCode } from '../../../src/errors/codes.js';
import { TunnelError } from '../../../src/errors/errors.js';
import { RefusalLog } from '../../../src/tunnel/refusal-log.js';

function refused(code: ErrorCode): { address: string; reason: TunnelError } {
  return { address: '192.0.2.1:5', reason: new TunnelError(code, 'no') };
}

it('a flood of refused connections becomes a few lines and a count', () => {
  vi.useFakeTimers();
  try {
    const lines: string[] = [];
    using log = new RefusalLog((line) => lines.push(line), 1000);
    for (let n = 0; n < 5000; n += 1) log.note(refused(n % 5 === 0 ? 'E_TUNNEL_BUSY' : 'E_TUNNEL_HANDSHAKE'));
    expect(lines).toHaveLength(10);
    expect(lines[0]).toBe('refused 192.0.2.1:5: no');
    vi.advanceTimersByTime(1000);
    expect(lines).toHaveLength(11);
    expect(lines[10]).toContain('E_TUNNEL_HANDSHAKE 3992x');
    expect(lines[10]).toContain('E_TUNNEL_BUSY 998x');
    log.note(refused('E_TUNNEL_BUSY'));
    expect(lines).toHaveLength(12);
  } finally {
    vi.useRealTimers();
  }
});

it('what was counted is told when it ends', () => {
  const lines: string[] = [];
  const log = new RefusalLog((line) => lines.push(line));
  for (let n = 0; n < 11; n += 1) log.note(refused('E_TUNNEL_BUSY'));
  log[Symbol.dispose]();
  expect(lines.at(-1)).toContain('E_TUNNEL_BUSY 1x');
});
