import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hopOfCommand } from '../../../../src/tunnel/ssh/proxy-command.js';
import { KeyFiles } from '../../../../src/tunnel/ssh/key-files.js';
import { readPrivateKey, unlockPrivateKey } from '../../../../src/tunnel/ssh/private-key.js';
import { readSshConfig } from '../../../../src/tunnel/ssh/ssh-config.js';
import { variablesOfConfig } from '../../../../src/tunnel/ssh/ssh-files.js';
import { resolveSshTarget } from '../../../../src/tunnel/ssh/ssh-target.js';
import { expandPath, type SshTokens } from '../../../../src/tunnel/ssh/ssh-tokens.js';
import { parseSshTime, splitSshWords } from '../../../../src/tunnel/ssh/ssh-words.js';
import { TestHome } from './test-server.js';

const hasOpenssh = spawnSync('ssh', ['-V']).status === 0;
const hasKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-ssh-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** What `ssh -G` says of host `hv`, by keyword; undefined where it does not take the configuration. */
function opensshSays(text: string, environment: Record<string, string> = {}): Map<string, string[]> | undefined {
  const config = join(dir, 'config');
  writeFileSync(config, text);
  const { status, stdout } = spawnSync('ssh', ['-G', '-F', config, 'hv'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...environment },
  });
  if (status !== 0) return undefined;
  const says = new Map<string, string[]>();
  for (const line of stdout.split('\n')) {
    const [keyword, ...rest] = line.split(' ');
    says.set(keyword, [...(says.get(keyword) ?? []), rest.join(' ')]);
  }
  return says;
}

const weSay = (text: string): ReturnType<typeof readSshConfig> =>
  readSshConfig('hv', [{ path: 'config', text }], () => []);

describe('words', () => {
  const IDENTITIES = [
    'IdentityFile ~/.ssh/my\\ key',
    'IdentityFile "~/.ssh/my key"',
    "IdentityFile '~/.ssh/my key'",
    'IdentityFile = "a\'b"',
    "IdentityFile='a\"b'",
    'IdentityFile "a\\"b"',
    "IdentityFile 'a\\'b'",
    'IdentityFile a\\\\b\\x',
    'IdentityFile "a\\ b"',
    'IdentityFile a"b c"d\'e f\'g',
    'IdentityFile a#b # c',
    '"IdentityFile" a',
    'IDENTITYFILE\ta\t# "b',
    'IdentityFile a\r',
    'IdentityFile a\\',
  ];

  it.skipIf(!hasOpenssh).each(IDENTITIES)('are taken apart as OpenSSH does: %s', (line) => {
    const says = opensshSays(`${line}\n`)?.get('identityfile');
    expect(says).toBeDefined();
    expect(weSay(`${line}\n`).identityFiles).toEqual(says);
  });

  it
    .skipIf(!hasOpenssh)
    .each(['IdentityFile "a', "IdentityFile a'b", 'IdentityFile a\\"b"', 'IdentityFile', 'IdentityFile #'])(
    'are refused as OpenSSH refuses them: %s',
    (line) => {
      expect(opensshSays(`${line}\n`)).toBeUndefined();
      expect(() => weSay(`${line}\n`)).toThrow(expect.objectContaining({ code: 'E_TUNNEL_SSH_CONFIG' }));
    },
  );

  it('may be many, and none', () => {
    expect(splitSshWords('')).toEqual([]);
    expect(splitSshWords(' "" \'\' ')).toEqual(['', '']);
    expect(splitSshWords('a "b c"   d\\ e')).toEqual(['a', 'b c', 'd e']);
  });
});

describe('times', () => {
  it.skipIf(!hasOpenssh).each(['0', '90', '90s', '10M', '1h30m', '2D', '1w2d', '1h30', 'none', '2147483647'])(
    'are OpenSSH’s: %s',
    (time) => {
      const says = opensshSays(`ConnectTimeout ${time}\n`)?.get('connecttimeout')?.[0];
      const { connectTimeoutMs } = weSay(`ConnectTimeout ${time}\n`);
      if (says === 'none' || says === '0') expect(connectTimeoutMs).toBeUndefined();
      else expect(connectTimeoutMs).toBe(Math.min(Number(says) * 1000, 2 ** 31 - 1));
    },
  );

  it.skipIf(!hasOpenssh).each(['soon', '1x', '-1', '1h-', '2147483648', '""'])(
    'are refused as OpenSSH does: %s',
    (time) => {
      expect(opensshSays(`ConnectTimeout ${time}\n`)).toBeUndefined();
      expect(() => weSay(`ConnectTimeout ${time}\n`)).toThrow(/connecttimeout/);
    },
  );

  it('add up', () => {
    expect(parseSshTime('1w1d1h1m1s')).toBe(604_800 + 86_400 + 3600 + 60 + 1);
  });
});

describe('tokens and variables of a path', () => {
  const tokens: SshTokens = {
    host: '127.0.0.1',
    given: 'hv',
    keyName: 'alias',
    port: 2222,
    user: 'someone',
    localUser: userInfo().username,
    home: userInfo().homedir,
    uid: userInfo().uid,
    localHost: hostname(),
    jump: '',
  };
  const config = (path: string): string =>
    `Host hv\nHostName 127.0.0.1\nPort 2222\nUser someone\nHostKeyAlias alias\nIdentityAgent ${path}\n`;

  it
    .skipIf(!hasOpenssh)
    .each([
      '/run/%h/%n/%k/%p/%r/%u/%i/%l/%L/%%',
      '/run/%C.sock',
      '~/agent.sock',
      '%d/agent.sock',
      '${XF_DIR}/agent.sock',
      '/a/${XF_DIR}/${XF_ODD}%h',
    ])('are OpenSSH’s: %s', (path) => {
    const variables = { XF_DIR: '/run/x', XF_ODD: '%h${XF_DIR}' };
    const says = opensshSays(config(path), variables)?.get('identityagent')?.[0];
    expect(says).toBeDefined();
    expect(expandPath(path, tokens, variables)).toBe(says);
  });

  it('that the environment has not got leave the path out, with a notice', () => {
    using home = new TestHome();
    home.write('config', 'Host hv\n IdentityFile ${XF_NO}/a\n IdentityFile ${XF_DIR}/b\n IdentityAgent $XF_AGENT\n');
    expect(variablesOfConfig(home.environment)).toEqual(['XF_NO', 'XF_DIR', 'XF_AGENT']);
    const environment = { ...home.environment, variables: { XF_DIR: '/k', XF_AGENT: '/run/agent' } };
    const target = resolveSshTarget({ host: 'hv' }, environment);
    expect(target).toMatchObject({ keyFiles: ['/k/b'], agentSocket: '/run/agent' });
    expect(target.notices).toEqual([expect.stringContaining('the environment has no XF_NO')]);
  });

  it('that are not of this keyword are refused, as OpenSSH does', () => {
    using home = new TestHome();
    home.write('config', 'HostName %r.example\n');
    expect(() => resolveSshTarget({ host: 'hv' }, home.environment)).toThrow(/%r is not known here/);
  });

  it('are replaced in ProxyJump', () => {
    using home = new TestHome();
    home.write('config', 'Host hv\nUser me\nProxyJump %r@jump-%n:%p\n');
    const { jumps } = resolveSshTarget({ host: 'hv' }, home.environment);
    expect(jumps).toMatchObject([{ host: 'jump-hv', user: 'me', port: 22 }]);
  });
});

describe('keywords that are not followed', () => {
  it.each([
    ['CanonicalizeHostname yes', 'CanonicalizeHostname yes is not followed'],
    ['RevokedHostKeys /etc/ssh/revoked', 'RevokedHostKeys /etc/ssh/revoked is not followed'],
    ['BindAddress 10.0.0.1', 'BindAddress 10.0.0.1 is not followed'],
  ])('are named: %s', (line, notice) => {
    expect(weSay(`${line}\n`).notices).toEqual([`config:1: ${notice}`]);
  });

  it('are not named where they ask for what is done anyhow', () => {
    expect(
      weSay('CanonicalizeHostname no\nAddressFamily any\nRevokedHostKeys none\nHashKnownHosts yes\n').notices,
    ).toEqual([]);
  });

  it.each([
    ['ssh -W %h:%p jump', 'jump'],
    ['/usr/bin/ssh -q -l me -p 2222 jump -W [%h]:%p', 'me@jump:2222'],
    ['exec ssh -qW%h:%p me@jump', undefined],
    ['ssh -W%h:%p me@jump', 'me@jump'],
    ['ssh jump nc %h %p', 'jump'],
    ['ssh -W other:22 jump', undefined],
    ['ssh -F /dev/null -W %h:%p jump', undefined],
    ['nc -x proxy %h %p', undefined],
    ['ssh jump', undefined],
    ['', undefined],
  ])('but a ProxyCommand that is a jump is one: %s', (command, hop) => {
    expect(hopOfCommand(splitSshWords(command) ?? [])).toBe(hop);
  });
});

describe('keys in PKCS #8', () => {
  const kinds = {
    rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    'ecdsa-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    'ecdsa-521': () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
    ed25519: () => generateKeyPairSync('ed25519'),
  };

  it.each(Object.entries(kinds))('are read and sign: %s', (_kind, make) => {
    const { privateKey } = make();
    const clear = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const locked = privateKey
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right' })
      .toString();
    const open = readPrivateKey(clear);
    if (open.kind !== 'open') return expect.fail(JSON.stringify(open));
    const data = Buffer.from('what is signed');
    expect(open.key.verify(data, open.key.sign(data))).toBe(true);
    expect(readPrivateKey(locked)).toEqual({ kind: 'locked' });
    expect(unlockPrivateKey(locked, 'wrong')).toBeUndefined();
    expect(unlockPrivateKey(locked, 'right')?.getPublicSSH()).toEqual(open.key.getPublicSSH());
  });

  it.skipIf(!hasKeygen)('have the public key that OpenSSH derives', () => {
    const { privateKey } = kinds.rsa();
    const path = join(dir, 'key');
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    const theirs = execFileSync('ssh-keygen', ['-y', '-f', path], { encoding: 'utf8' }).trim().split(' ')[1];
    const ours = readPrivateKey(readFileSync(path, 'utf8'));
    expect(ours.kind === 'open' && ours.key.getPublicSSH().toString('base64')).toBe(theirs);
  });

  it('of a kind that signs nothing are named, and not used', () => {
    const { privateKey } = generateKeyPairSync('x25519');
    const text = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(readPrivateKey(text)).toMatchObject({
      kind: 'unusable',
      reason: expect.stringContaining('x25519') as string,
    });
  });

  it.skipIf(!hasKeygen)(
    'and one that ssh2 does not read: the notice says what converts it, and that does',
    async () => {
      const path = join(dir, 'key');
      const made = spawnSync('ssh-keygen', [
        '-q',
        '-t',
        'ed25519',
        '-Z',
        'chacha20-poly1305@openssh.com',
        '-N',
        'abcde',
        '-f',
        path,
      ]);
      expect(made.status).toBe(0);
      const notice = await new KeyFiles().read(path);
      expect(notice).toContain(`\`ssh-keygen -p -Z aes256-ctr -f ${path}\``);
      expect(spawnSync('ssh-keygen', ['-p', '-Z', 'aes256-ctr', '-P', 'abcde', '-N', 'abcde', '-f', path]).status).toBe(
        0,
      );
      expect(unlockPrivateKey(readFileSync(path, 'utf8'), 'abcde')).toBeDefined();
    },
  );
});
