import { copyFileSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { initAuthority } from '../../src/pki/authority-dir.js';
import { issueCertificate } from '../../src/pki/host-dir.js';
import { a, b, faults, hosts, QUIET, useTwoHosts } from '../support/fault-rig.js';
import { guestXml, migrationResult } from '../support/hosts.js';
import { assertNeverTwice } from '../support/oracle.js';
import type { Running } from '../support/program.js';

useTwoHosts();

function residentMiB({ child }: Running): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
}

describe('serve', () => {
  it('a flood of half-open connections: migrations continue, memory and log stay bounded', async () => {
    const server = await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 12_000_000, count: 1 });
    const before = residentMiB(server);
    const moving = a.start(...a.migrateWords('guest', b));
    await moving.saysOnStderr(/"phase":"perform"/);

    const [host, port] = b.address.split(':');
    const flood = new Set<Socket>();
    const state = { over: false, opened: 0 };
    const flooding = (async () => {
      while (!state.over && state.opened < 5000) {
        const batch = Array.from({ length: 50 }, () => connect(Number(port), host));
        for (const socket of batch) {
          flood.add(socket);
          socket.on('error', () => undefined);
          socket.on('close', () => flood.delete(socket));
        }
        state.opened += batch.length;
        // Half of them say something that is no TLS, or only the beginning of it.
        for (const [n, socket] of batch.entries())
          if (n % 2 === 0) socket.write(n % 4 === 0 ? 'GET / HTTP/1.0\r\n' : '\x16\x03\x01');
        await Promise.all(
          batch.map((socket) => new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))),
        );
      }
    })();
    const finished = await moving.finished;
    state.over = true;
    await flooding;
    const after = residentMiB(server);
    for (const socket of flood) socket.destroy();
    expect(migrationResult(finished), finished.stderr).toMatchObject({ result: 'done' });
    expect((await b.info('guest')).guest.bad).toBe(0);
    assertNeverTwice([a.dir, b.dir]);
    expect(state.opened).toBeGreaterThan(500);
    expect(after - before).toBeLessThan(200);
    expect(server.stderr.split('\n').length).toBeLessThan(200);
    await b.stop();
    expect(server.stderr).toContain('refused more connections than are listed');
  });

  it('SIGHUP: new certificates count from then on; damaged ones change nothing', async () => {
    const server = await b.serve();
    await a.create(guestXml({ workload: QUIET, mib: 4 }));
    const other = join(hosts.root, 'other');
    await initAuthority(join(hosts.root, 'other-ca'), { name: 'other' });
    await issueCertificate(join(hosts.root, 'other-ca'), { hosts: ['127.0.0.1'], out: other });
    const files = ['ca.pem', 'cert.pem', 'key.pem'];
    const ours = join(hosts.root, 'ours');
    await issueCertificate(hosts.caDir, { hosts: ['127.0.0.1'], out: ours });

    // One file of another authority: they do not fit together.
    copyFileSync(join(other, 'ca.pem'), join(hosts.tlsDir, 'ca.pem'));
    server.kill('SIGHUP');
    await server.saysOnStderr(/certificates and permissions stay as they are/);

    for (const file of files) copyFileSync(join(other, file), join(hosts.tlsDir, file));
    server.kill('SIGHUP');
    await server.saysOnStderr(/certificates read again/);
    const words = a.migrateWords('guest', b).map((word) => (word === hosts.tlsDir ? ours : word));
    const refused = await a.run(...words);
    expect(migrationResult(refused), refused.stderr).toMatchObject({ code: 'E_TUNNEL_CERT_UNTRUSTED' });
    const { result, stderr } = await a.migrate('guest', b);
    expect(result.result, stderr).toBe('done');
  });
});
