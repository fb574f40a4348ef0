import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RefusedError, StreamError, type XenferryError } from '../../../src/errors/errors.js';
import { streamInput } from '../../../src/posix/input/unpacked.js';
import { fixturePath, fixtureStream } from '../../support/fixtures.js';
import { PROGRAM, run, Running, runJson } from '../../support/program.js';
import { smallHvmParts } from '../../support/small-stream.js';

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const pack = (program: string, bytes: Uint8Array, ...args: string[]): Buffer =>
  spawnSync(program, ['-c', ...args], { input: bytes, maxBuffer: 1 << 28 }).stdout;
const never = new AbortController().signal;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-stream-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function fileOf(name: string, bytes: Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
}

async function read(path: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamInput(path, never)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function failureOf(path: string): Promise<XenferryError> {
  try {
    await read(path);
  } catch (error) {
    if (error instanceof RefusedError || error instanceof StreamError) return error;
    throw error;
  }
  return expect.fail('it was read to its end');
}

const small = Buffer.concat(smallHvmParts());
const forms = [
  { form: 'plain', packed: (bytes: Buffer) => bytes, available: true },
  { form: 'gzip', packed: (bytes: Buffer) => gzipSync(bytes), available: true },
  { form: 'xz', packed: (bytes: Buffer) => pack('xz', bytes), available: has('xz') },
  { form: 'zstd', packed: (bytes: Buffer) => pack('zstd', bytes), available: has('zstd') },
];

describe.each(forms)('a $form file', ({ form, packed, available }) => {
  it.skipIf(!available)('is read as what is in it', async () => {
    const bytes = fixtureStream('xen-4.17-pvh-live');
    expect((await read(fileOf(`whole.${form}`, packed(bytes)))).equals(bytes)).toBe(true);
  });

  it.skipIf(!available)('in the command line is verified by its contents, not its name', async () => {
    const path = fileOf(`any-${form}.bin`, packed(small));
    const { code, stdout, stderr } = await run(['stream', 'verify', path]);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `${path}: good, 12 records, 3 pages, ${small.length} bytes\n`,
      stderr: '',
    });
  });

  it.skipIf(!available || form === 'plain')('is refused when it is cut or damaged, with the reason', async () => {
    const whole = packed(fixtureStream('xen-4.17-pvh-live'));
    const cut = await failureOf(fileOf(`cut.${form}`, whole.subarray(0, whole.length >> 1)));
    expect([cut.code, cut.message.length > 30]).toEqual(['E_STREAM_COMPRESSED', true]);
    const damaged = Buffer.from(whole);
    damaged.fill(0xa5, 2000, 2100);
    expect((await failureOf(fileOf(`bad.${form}`, damaged))).code).toBe('E_STREAM_COMPRESSED');
  });

  it.skipIf(!available)('is let go when the reader has seen enough', async () => {
    const path = fileOf(`long.${form}`, packed(Buffer.alloc(16 * 1024 * 1024)));
    for await (const chunk of streamInput(path, never)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    // An unpacker that went on would keep this process, and with it the test run, from ending.
    const { code, stderr } = await run(['stream', 'verify', path]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('E_STREAM_IDENT') as string]);
  });
});

describe('what cannot be read', () => {
  it.each([
    ['a file that is not there', () => join(dir, 'nowhere')],
    ['a folder', () => dir],
    ['an empty name', () => ''],
  ])('%s is refused, with exit code 3', async (_what, path) => {
    const { code, stdout, stderr } = await run(['stream', 'verify', path()]);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toContain('error E_REFUSED_FILE: cannot read');
  });

  it.each([0, 3, 5])('a file of %i bytes is a stream that ends early', async (length) => {
    const path = fileOf('short', small.subarray(0, length));
    const { code, stderr } = await run(['stream', 'verify', path]);
    expect(code).toBe(1);
    expect(stderr).toContain(`E_STREAM_TRUNCATED: ${path}: offset 0x0, libxl header: the stream ends at`);
  });

  it.each([
    ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00]), 'xz-utils'],
    ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x00, 0x00]), 'zstd'],
  ])('a file in %s where that is not installed names the package', async (_program, bytes, debianPackage) => {
    const path = fileOf('no-unpacker', bytes);
    const child = spawn(process.execPath, [PROGRAM, 'stream', 'verify', path], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: dir },
    });
    const { code, stderr } = await new Running(child).finished;
    expect(code).toBe(3);
    expect(stderr).toContain('E_REFUSED_NO_UNPACKER');
    expect(stderr).toContain(`Install Debian's ${debianPackage}.`);
  });

  it.skipIf(!has('xz'))('a file that asks for more memory than is allowed', async () => {
    const packed = pack('xz', small, '--lzma2=dict=512MiB');
    expect((await failureOf(fileOf('hungry.xz', packed))).message).toMatch(/[Mm]emory usage limit/);
  });
});

describe('standard input', () => {
  const piped = (words: readonly string[]): Running =>
    new Running(spawn(process.execPath, [PROGRAM, ...words], { stdio: ['pipe', 'pipe', 'pipe'] }));

  it.each(forms.filter(({ available }) => available))('is read for a dash, in $form', async ({ packed }) => {
    const running = piped(['stream', 'verify', '-']);
    running.child.stdin?.end(packed(small));
    const { code, stdout } = await running.finished;
    expect([code, stdout]).toEqual([0, `-: good, 12 records, 3 pages, ${small.length} bytes\n`]);
  });

  it('is not waited for once the verdict is known', async () => {
    const running = piped(['stream', 'verify', '-']);
    running.child.stdin?.on('error', () => undefined);
    running.child.stdin?.write('this is something else, from a sender that stays');
    const { code, stderr } = await running.finished;
    expect(code).toBe(1);
    expect(stderr).toContain('E_STREAM_IDENT: -: offset 0x0');
    running.child.stdin?.destroy();
  });

  it('may be fed a byte at a time', async () => {
    const bytes = small.subarray(0, 300);
    const running = piped(['stream', 'verify', '-']);
    running.child.stdin?.on('error', () => undefined);
    for (const byte of bytes) {
      if (running.child.stdin?.write(Buffer.of(byte)) === false) await once(running.child.stdin, 'drain');
    }
    running.child.stdin?.end();
    const { stderr } = await running.finished;
    expect(stderr).toContain('the stream ends at offset 0x12c, before its END record');
  });
});

describe('inspect', () => {
  it('prints as JSON what the fixtures are known to hold', async () => {
    const expected = JSON.parse(readFileSync(fixturePath('expected.json'), 'utf8')) as Record<string, unknown>;
    const got = await runJson(['stream', 'inspect', '--json', fixturePath('xen-4.17-hvm-live.libxl.gz')]);
    expect(got).toEqual(expected['xen-4.17-hvm-live']);
  });

  it('prints for people: guest, records, pages', async () => {
    const { stdout } = await run(['stream', 'inspect', fixturePath('xen-4.17-hvm-live.libxl.gz')]);
    expect(stdout).toContain('x86-hvm guest from Xen 4.17');
    expect(stdout).toMatch(/^libxc {2}PAGE_DATA +67 +3030024$/m);
    expect(stdout).toContain('738 with data (262 zero, 11 duplicate, 465 unique), 10 sent again, 92 without data');
  });

  it('fails as verify does on a bad stream, and prints nothing of it', async () => {
    const path = fileOf('bad', small.subarray(0, 100));
    const { code, stdout, stderr } = await run(['stream', 'inspect', '--json', path]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('E_STREAM_TRUNCATED');
  });

  it('verify has its verdict as JSON too', async () => {
    const path = fileOf('good', small);
    expect(await runJson(['stream', 'verify', '--json', path])).toEqual({
      file: path,
      good: true,
      records: 12,
      pages: 3,
      bytes: small.length,
    });
  });
});
