import { describe, expect, it } from 'vitest';
import { TunnelError } from '../../../../src/errors/errors.js';
import { readSshConfig, type IncludeReader, type SshHostConfig } from '../../../../src/tunnel/ssh/ssh-config.js';

const noFiles: IncludeReader = () => [];

function read(host: string, text: string, include: IncludeReader = noFiles): SshHostConfig {
  return readSshConfig(host, [{ path: 'config', text }], include);
}

function problemOf(work: () => unknown): TunnelError {
  try {
    work();
  } catch (error) {
    if (error instanceof TunnelError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('ssh_config', () => {
  it('takes the first value that applies, in the order of the file', () => {
    const text = 'Host a\n  Port 2222\nHost *\n  Port 2200\n  User ops\n';
    expect(read('a', text)).toMatchObject({ port: 2222, user: 'ops' });
    expect(read('b', text)).toMatchObject({ port: 2200, user: 'ops' });
  });

  it('takes the user file before the system file', () => {
    const sources = [
      { path: 'user', text: 'Host a\nUser me' },
      { path: 'system', text: 'User root\nPort 2022' },
    ];
    expect(readSshConfig('a', sources, noFiles)).toMatchObject({ user: 'me', port: 2022 });
  });

  it('knows no case in keywords, `=`, quotes and comments', () => {
    const text = '# all\nhOsT = "a"   # the one\n\tHOSTNAME=real.example\n  IdentityFile "~/my keys/id"\r\n';
    expect(read('a', text)).toMatchObject({ hostName: 'real.example', identityFiles: ['~/my keys/id'] });
  });

  it('matches patterns with * ? and !', () => {
    const text = 'Host *.lab !bad.lab\n User lab\nHost db?\n User db\n';
    expect(read('x.lab', text).user).toBe('lab');
    expect(read('bad.lab', text).user).toBeUndefined();
    expect(read('db1', text).user).toBe('db');
    expect(read('db12', text).user).toBeUndefined();
  });

  it('gathers every IdentityFile that applies', () => {
    const text = 'Host a\n IdentityFile one\n IdentityFile two\nHost *\n IdentityFile three\n IdentitiesOnly yes\n';
    expect(read('a', text)).toMatchObject({ identityFiles: ['one', 'two', 'three'], identitiesOnly: true });
  });

  it('reads ProxyJump as a list, and the first of ProxyJump and ProxyCommand counts', () => {
    expect(read('a', 'ProxyJump u@j1:2222,j2').proxyJump).toEqual(['u@j1:2222', 'j2']);
    expect(read('a', 'ProxyJump none\nProxyJump j').proxyJump).toEqual([]);
    expect(read('a', 'ProxyJump j\nProxyCommand nc %h %p').proxyJump).toEqual(['j']);
    const direct = read('a', 'User x\nProxyCommand nc %h %p\nProxyJump j');
    expect(direct.proxyJump).toEqual([]);
    expect(direct.notices).toEqual([
      expect.stringMatching(/^config:2: ProxyCommand is not run: the host is dialled dir/),
    ]);
  });

  it('skips Match blocks but `all`, with a notice', () => {
    const config = read('a', 'Match user bob\n Port 1\nMatch all\n Port 2\n');
    expect(config.port).toBe(2);
    expect(config.notices).toHaveLength(1);
    expect(config.notices[0]).toContain('config:1');
  });

  it('never follows StrictHostKeyChecking no', () => {
    const config = read('a', 'StrictHostKeyChecking no\n');
    expect(config.notices[0]).toContain('StrictHostKeyChecking no is not followed');
    expect(read('a', 'StrictHostKeyChecking yes\n').notices).toEqual([]);
  });

  it('reads what is included where the Include stands, and only in a block that applies', () => {
    const include: IncludeReader = (pattern) => [{ path: pattern, text: 'User included\nHost other\nPort 9\n' }];
    const text = 'Host a\n Include more\n HostName after\nHost b\n User b\n';
    expect(read('a', text, include)).toMatchObject({ user: 'included', hostName: 'after' });
    expect(read('a', text, include).port).toBeUndefined();
    expect(read('b', text, include).user).toBe('b');
    // A Host line in an included file cannot switch on what the block around it has switched off.
    expect(read('other', text, include).port).toBeUndefined();
  });

  it('bounds includes that include themselves', () => {
    const loop: IncludeReader = () => [{ path: 'loop', text: 'Include loop' }];
    expect(problemOf(() => read('a', 'Include loop', loop)).message).toContain('16 deep');
  });

  it.each([
    ['Port 0', 'port'],
    ['Port 70000', 'port'],
    ['Port x', 'port'],
    ['ConnectTimeout soon', 'connecttimeout'],
    ['IdentitiesOnly maybe', 'identitiesonly'],
    ['IdentityFile "x', 'quote'],
    ['User', 'argument'],
    ['=x', 'keyword'],
  ])('refuses %s with file and line', (line, word) => {
    const problem = problemOf(() => read('a', `# first\n${line}\n`));
    expect(problem.code).toBe('E_TUNNEL_SSH_CONFIG');
    expect(problem.message).toContain('config:2');
    expect(problem.message).toContain(word);
    expect(problem.hint).toBeDefined();
  });

  it('reads times, aliases and files of known hosts; keywords of no concern are passed over', () => {
    const text = 'ConnectTimeout 2m\nHostKeyAlias box\nUserKnownHostsFile a b\nForwardX11 yes\nCiphers +aes256-cbc\n';
    expect(read('h', text)).toMatchObject({
      connectTimeoutMs: 120_000,
      hostKeyAlias: 'box',
      userKnownHostsFiles: ['a', 'b'],
    });
    expect(read('h', 'ConnectTimeout none').connectTimeoutMs).toBeUndefined();
  });
});
