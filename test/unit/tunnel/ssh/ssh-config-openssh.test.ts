import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveSshTarget } from '../../../../src/tunnel/ssh/ssh-target.js';
import { TestHome } from './test-server.js';

const CONFIGS = [
  'Host a\n Port 2222\n User first\nHost *\n Port 2200\n User second\n',
  'Host *.lab !bad.lab\n HostName %h.example\nHost bad.lab\n HostName other\n User "x"\n',
  'User=eq\nPort = 77\nHost a b\n\tIdentityFile /k/%h-%r\n IdentityFile ~/k2\nHost ?\n IdentityFile /k3\n',
  'Host a\n ProxyJump j1:22,u@j2\nHost *\n ProxyJump none\n HostKeyAlias all\n',
  'Match all\n User everyone\nHost b\n User bee\n ConnectTimeout 9\n',
  'Host b\n Include more\n User late\nHost *\n Include conf.d/*.conf\n Port 9\n',
  'IdentitiesOnly yes # comment\nUserKnownHostsFile /x/a /x/%h\nHost !a *\n User nota\n',
];
const HOSTS = ['a', 'b', 'x.lab', 'bad.lab'];

/** What `ssh -G` says, by keyword. */
function opensshSays(home: TestHome, host: string): Map<string, string[]> {
  const config = join(home.dir, '.ssh', 'config');
  const out = execFileSync('ssh', ['-G', '-F', config, host], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const says = new Map<string, string[]>();
  for (const line of out.split('\n')) {
    const [keyword, ...rest] = line.split(' ');
    says.set(keyword, [...(says.get(keyword) ?? []), rest.join(' ')]);
  }
  return says;
}

describe.skipIf(!existsSync('/usr/bin/ssh'))('the configuration is read as OpenSSH reads it', () => {
  it.each(CONFIGS.map((config) => [config]))('%j', (config) => {
    using home = new TestHome();
    const dir = join(home.dir, '.ssh');
    mkdirSync(join(dir, 'conf.d'));
    // `ssh -F` looks for includes in the real home: absolute paths mean the same to both.
    home.write('config', config.replaceAll(/Include (\S+)/g, `Include ${dir}/$1`));
    home.write('more', 'User included\nHost a\n User never\n');
    home.write('conf.d/1.conf', 'Host x.lab\n User one\n');
    home.write('conf.d/2.conf', 'User two\n');
    for (const host of HOSTS) {
      const says = opensshSays(home, host);
      const ours = resolveSshTarget({ host }, { ...home.environment, user: says.get('user')?.[0] ?? '' });
      expect(ours.host).toBe(says.get('hostname')?.[0]);
      expect(ours.user).toBe(says.get('user')?.[0]);
      expect(String(ours.port)).toBe(says.get('port')?.[0]);
      expect(ours.identitiesOnly).toBe(says.get('identitiesonly')?.[0] === 'yes');
      expect(ours.keyName.alias).toBe(says.get('hostkeyalias')?.[0]);
      const jumps = (says.get('proxyjump')?.[0] ?? '').split(',').filter((hop) => hop !== '');
      expect(ours.jumps.map((hop) => hop.host)).toEqual(jumps.map((hop) => hop.replace(/^.*@|:\d+$/g, '')));
      if (config.includes('IdentityFile') && !host.includes('.')) {
        // -G prints them unexpanded
        expect(ours.keyFiles).toHaveLength(says.get('identityfile')?.length ?? 0);
      }
    }
  });
});
