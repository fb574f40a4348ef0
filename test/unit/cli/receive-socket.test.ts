import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReceiveSocket } from '../../../src/cli/daemon/receive-socket.js';
import { SshRules } from '../../../src/host/access/ssh-rules.js';
import type { PeerIdentity } from '../../../src/tunnel/peer-identity.js';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-socket-'));
  path = join(dir, 'run', 'receive.sock');
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const came: PeerIdentity[] = [];
beforeEach(() => {
  came.length = 0;
});

function open(allowed: readonly string[] = []): Promise<ReceiveSocket | undefined> {
  return ReceiveSocket.open(path, {
    user: 'root',
    check: (login) => new SshRules(allowed).check(login),
    takeIn: (socket, peer) => {
      came.push(peer);
      socket.end('welcome');
    },
  });
}

/** What somebody hears who comes in. */
async function heard(): Promise<string> {
  const socket: Socket = connect(path);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return text;
}

describe('the socket at which sshd joins a login to the daemon', () => {
  it('is for the daemon’s own user, who is the peer', async () => {
    using _door = await open();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'run')).mode & 0o777).toBe(0o700);
    expect(await heard()).toBe('welcome');
    expect(came).toEqual([{ transport: 'ssh', name: 'root@ssh', address: path }]);
  });

  it('turns away whom the rules may know by a key only: sshd tells none there', async () => {
    using _door = await open([`SHA256:${'x'.repeat(43)}`]);
    expect(await heard()).toBe('');
    expect(came).toEqual([]);
  });

  it('lets in whom the rules know by name', async () => {
    using _door = await open(['root']);
    expect(await heard()).toBe('welcome');
  });

  it('turns away where the rules cannot be read', async () => {
    using _door = await open(['not a user']);
    expect(await heard()).toBe('');
  });

  it('is one daemon’s: another leaves it alone, and the next takes it over', async () => {
    const first = await open();
    expect(await open()).toBeUndefined();
    expect(await heard()).toBe('welcome');
    first?.[Symbol.dispose]();
    using next = await open();
    expect(next).toBeDefined();
    expect(await heard()).toBe('welcome');
  });

  it('takes the place of what a dead daemon left', async () => {
    using _first = await open();
    _first?.[Symbol.dispose]();
    writeFileSync(path, '');
    using _door = await open();
    expect(await heard()).toBe('welcome');
  });
});
