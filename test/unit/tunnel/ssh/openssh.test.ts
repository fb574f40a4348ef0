import { once } from 'node:events';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sshFingerprint } from '../../../../src/tunnel/ssh/host-key.js';
import { SshDialer } from '../../../../src/tunnel/ssh/ssh-dialer.js';
import { resolveSshTarget } from '../../../../src/tunnel/ssh/ssh-target.js';
import { hasOpenSsh, OpenSshServer } from './openssh-server.js';
import { makeKey, TestHome, type TestKey } from './test-server.js';

const NEVER = new AbortController().signal;
const BUILT = fileURLToPath(new URL('../../../../dist', import.meta.url));
const PROGRAM = fileURLToPath(new URL('./receiver-program.mjs', import.meta.url));

describe.skipIf(!hasOpenSsh())('against the sshd of OpenSSH', () => {
  const hostKeys = [makeKey('rsa'), makeKey('ecdsa'), makeKey('ed25519')];
  const userKey = makeKey();
  let home: TestHome;
  let sshd: OpenSshServer | undefined;

  beforeEach(() => {
    home = new TestHome();
    home.write('id_ed25519', userKey.privateText);
  });
  afterEach(async () => {
    await sshd?.[Symbol.asyncDispose]();
    home[Symbol.dispose]();
  });

  async function dialer(known: TestKey, extra: readonly string[] = [], command = process.execPath): Promise<SshDialer> {
    sshd = await OpenSshServer.start(home, hostKeys, [userKey], extra);
    home.knows(sshd.port, known);
    const target = { host: '127.0.0.1', port: sshd.port, user: userInfo().username };
    return new SshDialer(resolveSshTarget(target, home.environment), {
      remoteCommand: command,
      remoteArgs: [PROGRAM, BUILT, home.dir],
    });
  }

  async function readLine(duplex: Duplex): Promise<string> {
    let text = '';
    while (!text.includes('\n')) {
      const chunk: unknown = duplex.read();
      if (Buffer.isBuffer(chunk)) text += chunk.toString();
      else await once(duplex, 'readable');
    }
    return text.trimEnd();
  }

  it.each([0, 1, 2])(
    'a host with several keys is known by key %i, and is reached through Unix sockets',
    async (index) => {
      await using dial = await dialer(hostKeys[index]);
      const links = [await dial.dial(NEVER), await dial.dial(NEVER), await dial.dial(NEVER)];
      expect(links[0].peer.fingerprint).toBe(sshFingerprint(hostKeys[index].blob));
      const said = [];
      for (const link of links) said.push((await readLine(link.duplex)).split(' '));
      expect(said.map(([, link]) => link)).toEqual(['1', '2', '3']);
      expect(new Set(said.map(([pid]) => pid)).size).toBe(1);
      const closed = links.map((link) => new Promise<void>((resolve) => link.duplex.once('close', resolve)));
      for (const link of links.reverse()) link.duplex.resume().end();
      await Promise.all(closed);
      expect(links.map((link) => link.duplex.errored)).toEqual([null, null, null]);
    },
  );

  it('attaches by command where AllowStreamLocalForwarding is off', async () => {
    await using dial = await dialer(hostKeys[2], ['AllowStreamLocalForwarding no']);
    const first = await dial.dial(NEVER);
    const second = await dial.dial(NEVER);
    const [pid] = (await readLine(first.duplex)).split(' ');
    expect(await readLine(second.duplex)).toBe(`${pid} 2`);
    second.duplex.write('through\n');
    expect(await readLine(second.duplex)).toBe('through');
  });

  it('F31: refuses it when its key has changed', async () => {
    await using dial = await dialer(makeKey());
    await expect(dial.dial(NEVER)).rejects.toMatchObject({ code: 'E_TUNNEL_HOSTKEY_CHANGED' });
  });

  it('tells that the command is not there', async () => {
    await using dial = await dialer(hostKeys[2], [], 'no-such-xenferry');
    await expect(dial.dial(NEVER)).rejects.toMatchObject({ code: 'E_TUNNEL_REMOTE_COMMAND' });
  });

  it('tells a key that is not authorised, and the server giving up after too many', async () => {
    home.write('id_ed25519', makeKey().privateText);
    home.write('id_ecdsa', makeKey('ecdsa').privateText);
    await using dial = await dialer(hostKeys[2], ['MaxAuthTries 1']);
    await expect(dial.dial(NEVER)).rejects.toMatchObject({ code: 'E_TUNNEL_AUTH' });
  });
});
