import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { issueCertificate, revokeCertificate } from '../../src/pki/host-dir.js';
import { a, b, expectBackHome, faults, hosts, QUIET, useTwoHosts } from '../support/fault-rig.js';
import { guestXml, migrationResult } from '../support/hosts.js';
import { assertNeverTwice } from '../support/oracle.js';
import type { Running } from '../support/program.js';
import { Proxy } from '../support/proxy.js';

useTwoHosts();

const FILES = ['cert.pem', 'key.pem'] as const;

/** A certificate for the source alone; the destination has the one that was there. */
async function ownCertificate(name: string): Promise<string> {
  const out = join(hosts.root, name);
  await issueCertificate(hosts.caDir, { hosts: [`${name}.example`], out });
  return out;
}

/** A migration that is slow enough for what happens meanwhile, and has sent its first megabyte. */
async function underWay(to: Proxy, tlsDir: string): Promise<Running> {
  await a.create(guestXml({ workload: QUIET }));
  faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
  const words = a.migrateWords('guest', to.address).map((word) => (word === hosts.tlsDir ? tlsDir : word));
  const moving = a.start(...words);
  await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
  return moving;
}

describe('certificates change while a guest moves', () => {
  it('F28: the destination gets a new one, the source a new folder: connections that are made again pass, and it goes on', async () => {
    const server = await b.serve();
    await using proxy = await Proxy.to(b.address);
    const ours = await ownCertificate('source');
    const moving = await underWay(proxy, ours);
    const [newer, newest] = [join(hosts.root, 'newer'), await ownCertificate('newest')];
    await issueCertificate(hosts.caDir, { hosts: ['127.0.0.1'], out: newer });
    for (const file of FILES) {
      copyFileSync(join(newer, file), join(hosts.tlsDir, file));
      copyFileSync(join(newest, file), join(ours, file));
    }
    server.kill('SIGHUP');
    await server.saysOnStderr(/certificates read again/);
    proxy.cut();
    const finished = await moving.finished;
    const result = migrationResult(finished);
    expect(result, finished.stderr).toMatchObject({ result: 'done' });
    if (result.result === 'done') expect(result.reconnects).toBeGreaterThan(0);
    expect(await a.list()).toEqual([]);
    expect((await b.info('guest')).guest.bad).toBe(0);
    assertNeverTwice([a.dir, b.dir]);
  });

  it("F27: the source's is revoked: its next connection is refused, and the guest stays, with the reason said on both sides", async () => {
    const server = await b.serve();
    await using proxy = await Proxy.to(b.address);
    const ours = await ownCertificate('source');
    const moving = await underWay(proxy, ours);
    const { crl } = revokeCertificate(hosts.caDir, 'source.example');
    copyFileSync(crl, join(hosts.tlsDir, 'crl.pem'));
    server.kill('SIGHUP');
    await server.saysOnStderr(/certificates read again/);
    proxy.cut();
    const finished = await moving.finished;
    expect(finished.code, finished.stderr).toBe(1);
    expect(migrationResult(finished), finished.stderr).toMatchObject({
      code: 'E_TUNNEL_CERT_REVOKED',
      guest: 'source-running',
    });
    expect(server.stderr).toContain('source.example');
    await expectBackHome();
  });

  it('a list of revoked certificates that vanishes, or an older one, admits no peer again: the daemon logs it', async () => {
    const server = await b.serve();
    const revoked = await ownCertificate('revoked');
    await ownCertificate('first');
    const older = readFileSync(revokeCertificate(hosts.caDir, 'first.example').crl);
    const crl = join(hosts.tlsDir, 'crl.pem');
    copyFileSync(revokeCertificate(hosts.caDir, 'revoked.example').crl, crl);
    server.kill('SIGHUP');
    await server.saysOnStderr(/certificates read again/);
    rmSync(crl);
    server.kill('SIGHUP');
    await server.saysOnStderr(/stay as they are.*crl\.pem is missing/);
    writeFileSync(crl, older);
    server.kill('SIGHUP');
    await server.saysOnStderr(/stay as they are.*crl\.pem is older/);
    await a.create(guestXml());
    const words = a.migrateWords('guest', b.address).map((word) => (word === hosts.tlsDir ? revoked : word));
    const refused = await a.run(...words);
    expect(migrationResult(refused), refused.stderr).toMatchObject({ code: 'E_TUNNEL_CERT_REVOKED' });
  });
});
