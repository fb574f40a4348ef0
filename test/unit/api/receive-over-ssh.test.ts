import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { receiveOverSsh } from '../../../src/api/process/receive-over-ssh.js';
import { makeOneTimeCredentials } from '../../../src/migration/connect/one-time-credentials.js';
import { dialLine, RECEIVE_MARK, readReceiveLine } from '../../../src/tunnel/ssh/ssh-greeting.js';

let dir: string;
const runtime = process.env.XDG_RUNTIME_DIR;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-receive-'));
  process.env.XDG_RUNTIME_DIR = dir;
});
afterEach(() => {
  if (runtime === undefined) delete process.env.XDG_RUNTIME_DIR;
  else process.env.XDG_RUNTIME_DIR = runtime;
  rmSync(dir, { recursive: true });
});

it('a flood of strangers at the port for lanes becomes a few lines and a count', async () => {
  const [toFar, fromFar] = [new PassThrough(), new PassThrough()];
  const stdio = Duplex.from({ readable: toFar, writable: fromFar });
  const lines: string[] = [];
  const stop = new AbortController();
  let end: () => void = () => undefined;
  const conversation = new Promise<void>((resolve) => (end = resolve));
  const receiving = receiveOverSsh(
    stdio,
    { transport: 'ssh', name: 'root@ssh', address: 'test' },
    {
      migrationServer: { accept: () => conversation, acceptFramed: () => conversation },
      threads: undefined,
      log: (line) => lines.push(line),
    },
    stop.signal,
  );
  toFar.write(dialLine({ tls: { ca: (await makeOneTimeCredentials()).ca } }));
  const [said] = (await once(fromFar, 'data')) as [Buffer];
  const { tls } = readReceiveLine(said.toString().slice(RECEIVE_MARK.length).trim());
  if (tls === undefined) throw new Error('no port for lanes');
  for (let n = 0; n < 60; n += 1) {
    const socket = connect(tls.port, '127.0.0.1').on('error', () => undefined);
    socket.end('GET / HTTP/1.0\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
  }
  end();
  await receiving;
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.length).toBeLessThanOrEqual(11);
  expect(lines.at(-1)).toMatch(/E_TUNNEL_HANDSHAKE \d+x/);
});
