import { existsSync, readFileSync, readlinkSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { guestDomid } from '../../src/toolstack/domid.js';
import { openEmbedded } from '../../src/toolstack/embedded/open.js';
import { a, hosts, useTwoHosts } from '../support/fault-rig.js';
import { guestXml } from '../support/hosts.js';
import { run, type Finished } from '../support/program.js';

useTwoHosts();

const watched = (...words: string[]): Promise<Finished> =>
  run(a.words(...words), { ...process.env, FORCE_COLOR: '', XENFERRY_MONITOR: 'on' });
const inState = (...parts: string[]): string => join(a.dir, 'xenferry', ...parts);
const logOf = (): string =>
  existsSync(inState('watch', 'monitor.log')) ? readFileSync(inState('watch', 'monitor.log'), 'utf8') : '';

describe('where no daemon runs', () => {
  it(
    'what starts a domain leaves one monitor behind, which does what definitions say, and goes with the last domain',
    { timeout: 120_000 },
    async () => {
      const xml = join(hosts.root, 'guest.xml');
      writeFileSync(xml, guestXml({ mib: 8 }).replace('<vcpu>', '<on_poweroff>restart</on_poweroff><vcpu>'));
      expect((await watched('create', xml)).code).toBe(0);
      await expect.poll(() => /process (\d+)$/m.exec(logOf())?.[1], { timeout: 30_000 }).toBeDefined();
      const pid = Number(/process (\d+)$/m.exec(logOf())?.[1]);
      try {
        // Nothing of ours was handed down: no terminal, no lock, no pipe that somebody waits for the end of.
        const fds = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
        expect(fds.filter((path) => path.startsWith('/dev/pts') || path.endsWith('.lock'))).toEqual([
          inState('watch', 'watch.lock'),
        ]);
        expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
        // It has started the guest again; and a second domain needs no second monitor.
        await (await openEmbedded(a.dir)).shutdown(guestDomid(1));
        await expect
          .poll(() => a.list(), { timeout: 30_000 })
          .toMatchObject([{ name: 'guest', id: 2, state: 'running' }]);
        writeFileSync(xml, guestXml({ name: 'second', mib: 8 }));
        expect((await watched('create', xml)).code).toBe(0);
        expect(logOf().match(/monitor of/g)).toHaveLength(1);
        await a.must('destroy', 'guest');
        await a.must('destroy', 'second');
        await expect.poll(logOf, { timeout: 30_000 }).toContain('no domain is left to watch');
        await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 30_000 }).toBe(false);
      } finally {
        if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGTERM');
      }
    },
  );
});
