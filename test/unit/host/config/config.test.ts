import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONFIG_KEYS, parseConfig, resolveAlias } from '../../../../src/host/config/config.js';
import { DEFAULT_DEADLINES } from '../../../../src/control/deadlines.js';

const EXAMPLE = readFileSync(new URL('../../../../examples/xenferry.conf', import.meta.url), 'utf8');
/** The example with every key in force. */
const UNCOMMENTED = EXAMPLE.replace(/^#(?=\S| {2}")/gm, '');

describe('S08: the configuration', () => {
  it('is all explained in the example, with what holds where nothing is said', () => {
    const config = parseConfig(UNCOMMENTED, 'f');
    for (const key of CONFIG_KEYS) expect(UNCOMMENTED).toMatch(new RegExp(`^${key.replace('deadlines.', '')} = `, 'm'));
    expect(config.deadlines).toEqual(DEFAULT_DEADLINES);
    expect(config).toMatchObject({ listen: '0.0.0.0:16520', hookMs: 20_000, uriDefault: 'xen:///system' });
    expect(config.uriAliases.size).toBe(2);
  });

  it('says nothing where all of it is commented out', () => {
    expect(parseConfig(EXAMPLE, 'f')).toEqual({ ...parseConfig('', 'f') });
    expect(parseConfig('', 'f').deadlines).toEqual({});
  });

  it('an argument is an alias only where it is no URI', () => {
    const config = parseConfig('uri_aliases = ["hv2=xen+tls://hv2.example/system"]', 'f');
    expect(resolveAlias(config, 'hv2')).toBe('xen+tls://hv2.example/system');
    expect(resolveAlias(config, 'hv3')).toBe('hv3');
    expect(resolveAlias(config, 'xen+tls://hv2')).toBe('xen+tls://hv2');
  });

  it.each([
    ['\nuri_default = \n', 2, ''],
    ['\n\nlisten = 5\n', 3, 'listen: '],
    ['# x\nhook_timout = 5', 2, 'hook_timout is not a known key'],
    ['hook_timeout = "5"', 1, 'hook_timeout: '],
    ['\nhook_timeout = -1', 2, 'hook_timeout: '],
    ['tls_dir = "etc"', 1, 'tls_dir: an absolute path is needed'],
    ['uri_aliases = [\n  "a=xen:///system",\n  "b c=xen:///system",\n]', 3, 'uri_aliases.1: not NAME=URI'],
    ['uri_aliases = [\n  "a=xen:///system",\n  "a=xen+tls://b",\n]', 3, 'uri_aliases: a is set twice'],
    ['[deadlines]\nstall = 90\nstal = 1', 3, 'deadlines.stal is not a known key'],
    ['[deadlines]\nstall = "long"', 2, 'deadlines.stall: '],
    ['x = 1\n[nonsense]\n', 1, 'x is not a known key'],
    ['\n[nonsense]\na = 1', 2, 'nonsense is not a known key'],
    ['\nlock_manager = "file"', 2, 'lock_manager: "file" needs a lease_dir'],
    ['lock_manager = "sanlock"', 1, 'lock_manager: '],
    ['listen = "a"\nlisten = "b"', 2, ''],
  ])('%j: names line %i and what is wrong there', (text, line, why) => {
    expect(() => parseConfig(text, '/etc/x.conf')).toThrow(
      expect.objectContaining({
        code: 'E_USAGE_CONFIG',
        message: expect.stringContaining(`/etc/x.conf:${line}: ${why}`) as string,
      }) as Error,
    );
  });

  it('S04: a key that is nearly known is asked after', () => {
    expect(() => parseConfig('hook_dir = "/x"', 'f')).toThrow(
      expect.objectContaining({ hint: 'Did you mean hooks_dir?' }) as Error,
    );
  });
});
