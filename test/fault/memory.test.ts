import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initAuthority } from '../../src/pki/authority-dir.js';
import { issueCertificate } from '../../src/pki/host-dir.js';
import { fixtureStream } from '../support/fixtures.js';
import { firstLine, startScript, type Running } from '../support/program.js';

const ENDPOINT = fileURLToPath(new URL('../../bench/endpoint.mjs', import.meta.url));
const MOST_MIB = 256;
/** The reader's pace; it says each MiB that it has. */
const SLOW_READER =
  'while [ "$(dd bs=1M count=1 iflag=fullblock 2>/dev/null | wc -c)" = 1048576 ]; do echo read >&2; sleep 1; done';
/** By then everything between the two ends is full, and has been for long. */
const READ_MIB = 6;

/** What a process has held in memory at its most, in MiB. */
function peakMiB({ child }: Running): number {
  const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))?.[1];
  return Number(kib) / 1024;
}

describe('memory', () => {
  let dir: string;
  const running: Running[] = [];
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'xenferry-memory-'));
    await initAuthority(join(dir, 'ca'), {});
    await issueCertificate(join(dir, 'ca'), { hosts: ['127.0.0.1'], out: join(dir, 'tls') });
  });
  afterEach(async () => {
    for (const one of running.splice(0)) {
      one.kill('SIGKILL');
      await one.finished;
    }
    rmSync(dir, { recursive: true });
  });

  it.each(['none', 'auto'])(
    'a guest without end and a reader of 1 MiB/s: 256 MiB at most at either end, packing %s',
    async (compression) => {
      const piece = join(dir, 'piece');
      writeFileSync(piece, Buffer.concat([fixtureStream('xen-4.17-hvm-live'), randomBytes(24 * 1024 * 1024)]));
      const receiver = startScript(ENDPOINT, ['receive', dir, 'sh', '-c', SLOW_READER], undefined, 'pipe'); // it ends with its stdin
      running.push(receiver);
      const { port } = JSON.parse(await firstLine(receiver)) as { port: number };
      const options = { save: ['sh', '-c', `while cat ${piece}; do :; done`], lanes: 4, compression };
      const sender = startScript(ENDPOINT, ['send', dir, String(port), JSON.stringify(options)]);
      running.push(sender);
      await receiver.saysOnStderr(new RegExp(`(read\\n[^]*){${READ_MIB}}`));
      expect(peakMiB(sender)).toBeLessThan(MOST_MIB);
      expect(peakMiB(receiver)).toBeLessThan(MOST_MIB);
    },
    120_000,
  );
});
