import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keysOfUserAuth, SshRules } from '../../../../src/host/access/ssh-rules.js';
import { start } from '../../../support/program.js';

const KEY = `SHA256:${'a'.repeat(43)}`;

describe('who may bring guests by ssh', () => {
  it.each([
    [[], 'anybody', [], true],
    [['ferry'], 'ferry', [], true],
    [['ferry'], 'Ferry', [], false],
    [['ferry'], 'root', [KEY], false],
    [[KEY], 'root', [KEY], true],
    [[KEY], 'root', [], false],
    [['ferry', KEY], 'other', [`SHA256:${'b'.repeat(43)}`, KEY], true],
  ])('%j: %s with %j: %s', (entries, user, keys, allowed) => {
    const check = (): void => new SshRules(entries).check({ user, keys });
    if (allowed) check();
    else expect(check).toThrow(expect.objectContaining({ code: 'E_REFUSED_NOT_ALLOWED' }) as Error);
  });

  it.each(['', 'a b', 'SHA256:short', 'MD5:00:11', '../x', '*'])('%j is no rule', (entry) => {
    expect(() => new SshRules([entry])).toThrow(expect.objectContaining({ code: 'E_USAGE_ALLOW' }) as Error);
  });

  it('whatever stands where sshd tells of keys, only keys come out', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string(),
            fc.base64String().map((text) => `publickey ssh-ed25519 ${text}`),
          ),
        ),
        (lines) => {
          for (const key of keysOfUserAuth(lines.join('\n'))) expect(key).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
        },
      ),
    );
  });
});

describe('receive and migrate-receive', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'xenferry-ssh-rules-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const begin = async (
    verb: string,
    allow: readonly string[],
    auth: string,
  ): Promise<{ code: number; stderr: string }> => {
    const config = join(dir, 'xenferry.conf');
    writeFileSync(config, `allow_ssh = ${JSON.stringify(allow)}\n`);
    writeFileSync(join(dir, 'auth'), auth);
    const program = start(['--config-file', config, '-c', `embedded://${join(dir, 'host')}`, verb], {
      ...process.env,
      SSH_USER_AUTH: join(dir, 'auth'),
    });
    program.child.stdin?.end(); // whoever is let in finds that nobody speaks
    const { code, stderr } = await program.finished;
    return { code, stderr };
  };

  it.each(['receive', 'migrate-receive'])(
    '%s: a login that is not named is refused before anything is made',
    async (verb) => {
      const { code, stderr } = await begin(verb, ['nobody-of-that-name'], '');
      expect(code, stderr).toBe(3);
      expect(stderr).toContain(`${userInfo().username} (no key reported by sshd) may not send guests`);
      expect(stderr).toContain('ExposeAuthInfo');
    },
  );

  it('a key is known by the fingerprint that ssh-keygen prints', async () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'key')]);
    const [type, blob] = readFileSync(join(dir, 'key.pub'), 'utf8').split(' ');
    const fingerprint = execFileSync('ssh-keygen', ['-lf', join(dir, 'key.pub')], { encoding: 'utf8' }).split(' ')[1];
    const auth = `publickey ${type} ${blob}\n`;
    expect(keysOfUserAuth(auth)).toEqual([fingerprint]);
    expect((await begin('receive', [fingerprint], auth)).stderr).not.toContain('may not send guests');
    expect((await begin('receive', [KEY], auth)).stderr).toContain(fingerprint);
  });
});
