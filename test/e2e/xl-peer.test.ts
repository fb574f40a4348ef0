import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ByteReader } from '../../src/migration/xl/byte-reader.js';
import { XL_BANNER, XL_GO, XL_READY, XL_REPORT } from '../../src/savefile/xl-handshake.js';
import { guestXml, migrationResult, type TwoHosts } from '../support/hosts.js';
import { assertNeverTwice } from '../support/oracle.js';
import { PROGRAM, run } from '../support/program.js';
import { SshHosts } from '../support/ssh-hosts.js';
import { hasOpenSsh } from '../unit/tunnel/ssh/openssh-server.js';

const FAKE_XL = fileURLToPath(new URL('../support/fake-xl.mjs', import.meta.url));
const RELAY = fileURLToPath(new URL('../../bin/xenferry-ssh.js', import.meta.url));
const never = new AbortController().signal;

describe.skipIf(!hasOpenSsh())('xl as a peer', () => {
  let ssh: SshHosts;
  let hosts: TwoHosts;

  beforeEach(async () => {
    ssh = await SshHosts.start();
    ({ hosts } = ssh);
  });
  afterEach(async () => {
    await ssh[Symbol.asyncDispose]();
  });

  describe('as the destination', () => {
    const migrate = (mode: string, ...options: string[]): ReturnType<typeof run> =>
      run(
        [
          ...hosts.a.words('migrate', '--live', '--json', 'guest', `xl+ssh://${ssh.login()}`),
          '--remote-command',
          `${process.execPath} ${FAKE_XL} ${hosts.b.uri} ${mode}`,
          ...options,
        ],
        ssh.env,
      );

    it('takes a guest, and is said to be what it is', async () => {
      await hosts.a.create(guestXml());
      const finished = await migrate('works');
      expect(migrationResult(finished), finished.stderr).toMatchObject({
        result: 'done',
        transport: 'xl+ssh',
        lanes: 1,
      });
      expect(finished.stderr).toContain('reached through xl');
      expect(await hosts.a.list()).toEqual([]);
      expect(await hosts.b.list()).toMatchObject([{ name: 'guest', state: 'running' }]);
      expect((await hosts.b.info('guest')).guest.bad).toBe(0);
      expect(await hosts.b.openMigrations()).toEqual([]);
      assertNeverTwice([hosts.a.dir, hosts.b.dir]);
    });

    it('leaves the guest paused, under another name, where that is asked for', async () => {
      await hosts.a.create(guestXml());
      expect(migrationResult(await migrate('works', '--suspend', '--dname', 'other'))).toMatchObject({
        result: 'done',
      });
      expect(await hosts.b.list()).toMatchObject([{ name: 'other', state: 'paused' }]);
    });

    it('F25: refuses a name that it has already, before anything is touched', async () => {
      await hosts.a.create(guestXml());
      await hosts.b.create(guestXml());
      const finished = await migrate('works');
      expect(finished.code).toBe(3);
      expect(migrationResult(finished)).toMatchObject({ code: 'E_REFUSED_NAME_TAKEN', guest: 'untouched' });
      expect((await hosts.a.info('guest')).state).toBe('running');
    });

    it.each(['dies-in-stream', 'dies-before-ready', 'says-no'])(
      'that %s leaves the guest running at the source, and a second attempt succeeds',
      async (mode) => {
        await hosts.a.create(guestXml());
        const finished = await migrate(mode);
        expect(finished.code, finished.stderr).toBe(1);
        expect(migrationResult(finished)).toMatchObject({ result: 'failed', guest: 'source-running' });
        expect(finished.stderr).toContain('something is wrong with this host');
        expect((await hosts.a.info('guest')).state).toBe('running');
        expect(migrationResult(await migrate('works'))).toMatchObject({ result: 'done' });
        assertNeverTwice([hosts.a.dir, hosts.b.dir]);
      },
    );

    it('that dies after it was told to go leaves the guest in doubt, never resumed by itself', async () => {
      await hosts.a.create(guestXml());
      const finished = await migrate('dies-after-go', '--deadline', 'ask=2');
      expect(finished.code, finished.stderr).toBe(5);
      const result = migrationResult(finished);
      expect(result).toMatchObject({ result: 'failed', guest: 'in-doubt' });
      expect((await hosts.a.list()).map((one) => one.state)).toEqual(['suspended']);
      expect(await hosts.a.openMigrations()).toHaveLength(1);
    });
  });

  describe('as the source', () => {
    /** The receiving program, and the words of a stock xl for it. The save file has what xl would send. */
    class StockXl {
      readonly stdin: Writable;
      readonly words: ByteReader;
      readonly finished: Promise<{ readonly code: number | null; readonly stderr: string }>;
      constructor(program: string, args: readonly string[]) {
        const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env: ssh.env });
        this.stdin = child.stdin.on('error', () => undefined); // a receiver that has ended tells by its exit
        this.words = new ByteReader(child.stdout, 'the receiver');
        let stderr = '';
        child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
        this.finished = once(child, 'exit').then(([code]) => ({ code: code as number | null, stderr }));
      }
      /** Resolves when everything is sent, or the receiver takes no more. */
      async send(file: string): Promise<void> {
        await this.words.expect(XL_BANNER, 'the banner', never);
        const stream = createReadStream(file);
        stream.pipe(this.stdin, { end: false });
        await Promise.race([once(stream, 'end'), this.finished]);
      }
      async ready(): Promise<void> {
        await this.words.expect(XL_READY, 'ready', never);
      }
      async go(): Promise<number> {
        this.stdin.write(XL_GO);
        await this.words.expect(XL_REPORT, 'the report', never);
        return (await this.words.exactly(1, 'the status', never))[0];
      }
    }

    const saved = async (): Promise<string> => {
      const file = join(hosts.root, 'guest.save');
      await hosts.a.create(guestXml());
      await hosts.a.must('save', 'guest', file);
      return file;
    };
    const receivers: [string, (...flags: string[]) => StockXl][] = [
      ['migrate-receive', (...flags) => new StockXl(PROGRAM, hosts.b.words('migrate-receive', ...flags))],
      [
        'xenferry-ssh, through our own tunnel',
        (...flags) =>
          new StockXl(RELAY, [
            '--state-dir',
            join(hosts.root, 'relay'),
            '--remote-command',
            `${process.execPath} ${PROGRAM} -c ${hosts.b.uri}`,
            ssh.login(),
            'xl',
            '-v',
            'migrate-receive',
            ...flags,
          ]),
      ],
    ];

    it.each(receivers)('is received by %s', async (_what, start) => {
      const file = await saved();
      const xl = start();
      await xl.send(file);
      await xl.ready();
      expect(await hosts.b.list()).not.toMatchObject([{ state: 'running' }]);
      expect(await xl.go()).toBe(0);
      const { code, stderr } = await xl.finished;
      expect(code, stderr).toBe(0);
      expect(await hosts.b.list()).toMatchObject([{ name: 'guest', state: 'running' }]);
      expect((await hosts.b.info('guest')).guest.bad).toBe(0);
      expect(await hosts.b.openMigrations()).toEqual([]);
    });

    it.each(receivers)('leaves the guest paused in %s where xl says -p', async (_what, start) => {
      const file = await saved();
      const xl = start('-p');
      await xl.send(file);
      await xl.ready();
      expect(await xl.go()).toBe(0);
      await xl.finished;
      expect(await hosts.b.list()).toMatchObject([{ name: 'guest', state: 'paused' }]);
    });

    it.each(receivers)('that goes away before its go leaves nothing in %s', async (_what, start) => {
      const file = await saved();
      const xl = start();
      await xl.send(file);
      await xl.ready();
      xl.stdin.end();
      expect((await xl.finished).code).not.toBe(0);
      await expect.poll(() => hosts.b.list(), { timeout: 20_000 }).toEqual([]);
      await expect.poll(() => hosts.b.openMigrations(), { timeout: 20_000 }).toEqual([]);
    });

    it.each(receivers)('hears of a restore that failed before its go, from %s', async (_what, start) => {
      const file = await saved();
      await hosts.b.create(guestXml()); // the name is taken
      const xl = start();
      await xl.send(file);
      const { code, stderr } = await xl.finished;
      expect(code).not.toBe(0);
      expect(stderr).toContain('E_REFUSED_NAME_TAKEN');
      expect(await hosts.b.list()).toHaveLength(1);
    });

    it('is refused what it is not: a stream without a head', async () => {
      const xl = new StockXl(PROGRAM, hosts.b.words('migrate-receive'));
      await xl.words.expect(XL_BANNER, 'the banner', never);
      xl.stdin.write(Buffer.alloc(48));
      const { code, stderr } = await xl.finished;
      expect(code).not.toBe(0);
      expect(stderr).toContain('not a save file that can be restored');
    });
  });
});
