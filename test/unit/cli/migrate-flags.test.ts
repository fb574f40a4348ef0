import { afterEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../../src/cli/main.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Runs a command line in this process; the exit code, and what was said on stderr. */
async function said(...words: string[]): Promise<[number, string]> {
  let text = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  return [await main(words), text];
}

describe('migrate refuses what makes no sense, and says why', () => {
  it.each([
    [['--persistent-xml', '/x'], '--persistent-xml without --persistent'],
    [['--timeout', '5', '--timeout-suspend', '--timeout-cancel'], 'exclude each other'],
    [['--timeout-cancel'], '--timeout-cancel without --timeout'],
    [['--timeout', '0'], 'seconds over 0'],
    [['--timeout', '100000'], 'at most 86400'],
    [['--xml', '/nowhere.xml'], 'cannot read /nowhere.xml'],
    [['--offline'], 'offline'],
  ])('%j', async (options, why) => {
    const words = ['migrate', '--live', 'web1', 'xen+tls://127.0.0.1:1/system', ...options];
    expect(await said(...words)).toEqual([2, expect.stringContaining(why)]);
  });

  it('--timeout without --live', async () => {
    const words = ['migrate', 'web1', 'xen+tls://127.0.0.1:1/system', '--timeout', '5'];
    expect(await said(...words)).toEqual([2, expect.stringContaining('without --live')]);
  });
});
