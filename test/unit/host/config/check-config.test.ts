import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkConfig } from '../../../../src/host/config/check-config.js';
import { parseConfig } from '../../../../src/host/config/config.js';
import { KEEPALIVE_COUNT, KEEPALIVE_MS } from '../../../../src/tunnel/keepalive.js';

const messages = (text: string): string[] => checkConfig(text, 'f').mistakes.map(({ message }) => message);

it('S08: all mistakes are told at once, in the order of their lines', () => {
  const text = [
    'hook_timeout = "5"',
    'hook_dir = "/x"',
    'nonsense = 1',
    'log_level = "loud"',
    'tls_dir = "etc"',
    '[deadlines]',
    'stal = 1',
  ].join('\n');
  expect(messages(text).map((message) => message.split(' ', 2).join(' '))).toEqual([
    'f:1: hook_timeout:',
    'f:2: hook_dir',
    'f:3: nonsense',
    'f:4: log_level:',
    'f:5: tls_dir:',
    'f:7: deadlines.stal',
  ]);
});

it('S08: what only shows when it is used is told as well', () => {
  const text = [
    'uri_default = "hv9"',
    'uri_aliases = [',
    '  "hv2=xen+tls://hv2.example/system",',
    '  "local=embedded:///tmp/host-a",',
    '  "bad=qemu+ssh://hv3/system",',
    ']',
    'listen = "16520"',
    'allow = ["hv1.example", "no good"]',
  ].join('\n');
  expect(messages(text)).toEqual([
    expect.stringMatching(/^f:1: uri_default: /),
    expect.stringMatching(/^f:5: uri_aliases: .*qemu\+ssh/),
    expect.stringMatching(/^f:7: listen: "16520" is not HOST:PORT/),
    expect.stringMatching(/^f:8: allow: .*"no good"/),
  ]);
  expect(messages('uri_default = "xen:///session"')).toEqual([expect.stringContaining('unexpected Xen URI path')]);
});

it('a folder that is not there is a warning: it may be mounted later', () => {
  const dir = mkdtempSync(join(tmpdir(), 'xenferry-config-'));
  const text = `lock_manager = "file"\nlease_dir = "${dir}"\n`;
  expect(checkConfig(text, 'f')).toEqual({ mistakes: [], warnings: [] });
  rmSync(dir, { recursive: true });
  expect(checkConfig(text, 'f').warnings).toEqual([`lease_dir: the folder ${dir} does not exist on this host`]);
});

it('keepalive is as usual where nothing is said, and whole where half is', () => {
  expect(parseConfig('', 'f').keepalive).toBeUndefined();
  expect(parseConfig('keepalive_interval = 2', 'f').keepalive).toEqual({
    keepaliveMs: 2000,
    keepaliveCount: KEEPALIVE_COUNT,
  });
  expect(parseConfig('keepalive_count = 2', 'f').keepalive).toEqual({ keepaliveMs: KEEPALIVE_MS, keepaliveCount: 2 });
  expect(parseConfig('keepalive_interval = 0', 'f').keepalive?.keepaliveMs).toBe(0);
});
