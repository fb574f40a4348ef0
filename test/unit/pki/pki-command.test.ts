import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import yargs from 'yargs';
import { pkiCommand } from '../../../src/cli/commands/pki.js';
import { loadTlsDir } from '../../../src/tunnel/tls-credentials.js';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'xenferry-pki-cli-'));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

/** Runs `xenferry pki WORDS` and returns what it prints. */
async function pki(...words: string[]): Promise<string> {
  let printed = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  try {
    await yargs(['pki', ...words])
      .command(pkiCommand)
      .strict()
      .exitProcess(false)
      .fail((message: string | null, error: unknown) => {
        throw error instanceof Error ? error : new Error(message ?? 'failed');
      })
      .parseAsync();
  } finally {
    spy.mockRestore();
  }
  return printed;
}

describe('xenferry pki', () => {
  it('goes from an authority to a host that may talk, and back', async () => {
    const ca = join(root, 'ca');
    const out = join(root, 'host');
    expect(await pki('init', '--dir', ca, '--name', 'Lab CA')).toContain('CN=Lab CA');
    const issued = await pki(
      'issue',
      '--dir',
      ca,
      '--host',
      'a.example',
      '--host',
      '127.0.0.1',
      '--out',
      out,
      '--json',
    );
    expect(JSON.parse(issued)).toMatchObject({ role: 'host', hosts: ['a.example', '127.0.0.1'], state: 'good' });
    expect(loadTlsDir(out).crl).toBeUndefined();
    expect(await pki('show', out)).toMatch(/^Good for: +a\.example, 127\.0\.0\.1$/m);
    expect(await pki('renew', '--dir', ca, out, '--days', '500')).toContain('(good)');
    expect(await pki('revoke', '--dir', ca, out)).toContain(`copy ${join(ca, 'crl.pem')}`);
    const shown = JSON.parse(await pki('show', '--dir', ca, '--json')) as { issued: { state: string }[] };
    expect(shown.issued.map(({ state }) => state)).toEqual(['revoked', 'revoked']);
  });

  it.each([
    [['issue', '--dir', 'x', '--out', 'y'], /host/],
    [['issue', '--dir', 'x', '--host', 'a.example'], /out/],
    [['init'], /dir/],
    [['show'], /either PATH or --dir/],
    [['show', 'x', '--dir', 'y'], /either PATH or --dir/],
    [[], /Name a command/],
    [['frobnicate'], /./],
  ])('refuses %j', async (words, problem) => {
    await expect(pki(...words)).rejects.toThrow(problem);
  });
});
