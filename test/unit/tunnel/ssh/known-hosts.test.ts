import { createHmac, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostKeyAlgorithms, hostKeyError, judgeHostKey, sshFingerprint } from '../../../../src/tunnel/ssh/host-key.js';
import { makeKey } from './test-server.js';
import { parseKnownHosts, type KnownHosts } from '../../../../src/tunnel/ssh/known-hosts.js';

function known(...lines: string[]): KnownHosts {
  return parseKnownHosts([{ path: '/k', text: lines.join('\n') }]);
}

const one = makeKey();
const two = makeKey();
const ecdsa = makeKey('ecdsa');
const at22 = { host: 'Box.Example', port: 22 };
const at2222 = { host: 'box.example', port: 2222 };

describe('known_hosts', () => {
  it.each([
    ['plain', `box.example ${one.publicLine}`],
    ['list', `10.0.0.1,box.example ${one.publicLine}`],
    ['upper case', `BOX.example ${one.publicLine} a comment`],
    ['wildcard', `*.example,!db.example ${one.publicLine}`],
    ['tabs', `box.example\t${one.publicLine.replace(' ', '\t')}`],
  ])('knows a key by a %s line', (_, line) => {
    expect(judgeHostKey(known('# comment', '', line), at22, one.blob)).toMatchObject({ kind: 'known' });
  });

  it('knows a hashed name, and no other by it', () => {
    const salt = randomBytes(20);
    const hash = createHmac('sha1', salt).update('[box.example]:2222').digest('base64');
    const hosts = known(`|1|${salt.toString('base64')}|${hash} ${one.publicLine}`);
    expect(judgeHostKey(hosts, at2222, one.blob).kind).toBe('known');
    expect(judgeHostKey(hosts, at22, one.blob).kind).toBe('unknown');
  });

  it.skipIf(!existsSync('/usr/bin/ssh-keygen'))('knows what ssh-keygen -H has hashed', () => {
    const dir = mkdtempSync(join(tmpdir(), 'xf-known-'));
    try {
      const path = join(dir, 'known_hosts');
      writeFileSync(path, `box.example ${one.publicLine}\n[box.example]:2222 ${two.publicLine}\n`);
      execFileSync('ssh-keygen', ['-H', '-f', path], { stdio: 'ignore' });
      const text = readFileSync(path, 'utf8');
      expect(text).not.toContain('box');
      const hosts = parseKnownHosts([{ path, text }]);
      expect(judgeHostKey(hosts, at22, one.blob).kind).toBe('known');
      expect(judgeHostKey(hosts, at2222, two.blob).kind).toBe('known');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('another port is another host, which the plain name may stand in for', () => {
    const plain = known(`box.example ${one.publicLine}`);
    expect(judgeHostKey(plain, at2222, one.blob).kind).toBe('known');
    expect(judgeHostKey(plain, at2222, two.blob).kind).toBe('unknown');
    const both = known(`box.example ${one.publicLine}`, `[box.example]:2222 ${two.publicLine}`);
    expect(judgeHostKey(both, at2222, one.blob).kind).toBe('changed');
    expect(judgeHostKey(both, at2222, two.blob).kind).toBe('known');
  });

  it('HostKeyAlias stands in for host and port', () => {
    const hosts = known(`alias ${one.publicLine}`);
    expect(judgeHostKey(hosts, { ...at2222, alias: 'alias' }, one.blob).kind).toBe('known');
    expect(judgeHostKey(hosts, at2222, one.blob).kind).toBe('unknown');
  });

  it('F31: a changed key is told with both fingerprints, the line and the way out', () => {
    const hosts = known('# one', `box.example ${one.publicLine}`);
    const verdict = judgeHostKey(hosts, at22, two.blob);
    expect(verdict.kind).toBe('changed');
    const error = hostKeyError(verdict, hosts, at22, two.blob);
    expect(error?.code).toBe('E_TUNNEL_HOSTKEY_CHANGED');
    for (const part of ['/k:2', sshFingerprint(one.blob), sshFingerprint(two.blob)]) {
      expect(error?.message).toContain(part);
    }
    expect(error?.hint).toContain('ssh-keygen -R box.example -f /k');
    expect(error?.hint).toContain('ssh-keyscan -t ed25519 Box.Example >> /k');
  });

  it('an unknown key is told with its fingerprint and the way out', () => {
    const hosts = known(`other ${one.publicLine}`);
    const error = hostKeyError(judgeHostKey(hosts, at2222, one.blob), hosts, at2222, one.blob);
    expect(error?.code).toBe('E_TUNNEL_HOSTKEY_UNKNOWN');
    expect(error?.message).toContain(sshFingerprint(one.blob));
    expect(error?.hint).toContain('ssh-keyscan -t ed25519 -p 2222 box.example >> /k');
  });

  it('a key of another type is unknown, and the known types are told', () => {
    const hosts = known(`box.example ${one.publicLine}`);
    const error = hostKeyError(judgeHostKey(hosts, at22, ecdsa.blob), hosts, at22, ecdsa.blob);
    expect(error?.code).toBe('E_TUNNEL_HOSTKEY_UNKNOWN');
    expect(error?.message).toContain('ssh-ed25519 at /k:1');
  });

  it('a revoked key is refused even where it is also listed', () => {
    const hosts = known(`box.example ${one.publicLine}`, `@revoked * ${one.publicLine}`);
    const error = hostKeyError(judgeHostKey(hosts, at22, one.blob), hosts, at22, one.blob);
    expect(error?.code).toBe('E_TUNNEL_HOSTKEY_REVOKED');
    expect(error?.message).toContain('/k:2');
  });

  it('of several keys one is enough, in any order', () => {
    const hosts = known(`box.example ${two.publicLine}`, `box.example ${one.publicLine}`);
    expect(judgeHostKey(hosts, at22, one.blob)).toMatchObject({ kind: 'known', entry: { lineNumber: 2 } });
  });

  it('a @cert-authority makes no key known, and is told', () => {
    const hosts = known(`@cert-authority *.example ${one.publicLine}`);
    const error = hostKeyError(judgeHostKey(hosts, at22, one.blob), hosts, at22, one.blob);
    expect(error?.code).toBe('E_TUNNEL_HOSTKEY_UNKNOWN');
    expect(error?.hint).toContain('/k:1');
  });

  it.each([
    'box.example ssh-ed25519',
    `box.example ssh-rsa ${one.publicLine.split(' ')[1]}`,
    'box.example ssh-ed25519 !!!!',
    'box.example ssh-ed25519 AAAA',
    `|2|aaaa|bbbb ${one.publicLine}`,
    `|1|aaaa|bbbb ${one.publicLine}`,
    `@other box.example ${one.publicLine}`,
  ])('a damaged line makes nothing known and is told: %s', (line) => {
    const hosts = known(line);
    expect(hosts.entries).toHaveLength(0);
    expect(hosts.notices[0]).toContain('/k:1');
    expect(judgeHostKey(hosts, at22, one.blob).kind).toBe('unknown');
  });

  it('offers first the algorithms of keys that are known', () => {
    const rsa = makeKey('rsa');
    expect(hostKeyAlgorithms(known(), at22)[0]).toBe('ssh-ed25519');
    expect(hostKeyAlgorithms(known(`box.example ${ecdsa.publicLine}`), at22)[0]).toBe('ecdsa-sha2-nistp256');
    const algorithms = hostKeyAlgorithms(known(`box.example ${rsa.publicLine}`), at2222);
    expect(algorithms.slice(0, 2)).toEqual(['rsa-sha2-512', 'rsa-sha2-256']);
    expect(algorithms).not.toContain('ssh-rsa');
    expect(new Set(algorithms).size).toBe(6);
  });
});
