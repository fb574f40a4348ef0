import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dumpDomain } from '../../../../src/operations/saving/core-dump.js';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { destroyDomain } from '../../../../src/operations/lifecycle/power.js';
import { restore } from '../../../../src/operations/saving/restore.js';
import { save } from '../../../../src/operations/saving/save.js';
import { ToolstackError } from '../../../../src/errors/errors.js';
import { guestXml } from '../../../support/hosts.js';
import { withShortTimeout } from '../../../support/short-timeouts.js';
import { LocalHost, never } from '../../../support/local-host.js';

const quiet = { signal: never, onEvent: () => undefined };
const running = { paused: false, ...quiet };

let local: LocalHost;
beforeEach(async () => {
  local = await LocalHost.make();
  await createDomain(local.host, guestXml({ name: 'web1', mib: 8 }), { paused: false, validate: false, signal: never });
});
afterEach(async () => {
  await local[Symbol.asyncDispose]();
});

const saveTo = (file: string, checkpoint = false): Promise<unknown> =>
  save(local.host, { domain: 'web1', file, checkpoint, unpause: false, ...quiet });
const restoreFrom = (file: string): Promise<unknown> => restore(local.host, { file, ...running });
const runs = async (): Promise<string | undefined> => (await local.host.toolstack.lookup('web1'))?.state;
const mkfifo = (name: string): string => {
  expect(spawnSync('mkfifo', [local.path(name)]).status).toBe(0);
  return local.path(name);
};

/** A program beside us, its output in a file. */
async function during<T>(program: string, args: readonly string[], work: () => Promise<T>): Promise<T> {
  const child = spawn(program, args, { stdio: 'ignore', cwd: local.dir });
  const ended = once(child, 'close');
  try {
    return await work();
  } finally {
    await ended;
  }
}

describe('a file of a newer Xen', () => {
  it('is named before it is restored, and where that fails the error says so; an older one is not', async () => {
    await saveTo(local.path('saved'));
    const isOn = (xen: string): void => writeFileSync(local.path('host.json'), JSON.stringify({ xen }));
    isOn('4.14');
    writeFileSync(local.path('faults.json'), JSON.stringify([{ fault: 'restore-fails', count: 1 }]));
    await expect(restoreFrom(local.path('saved'))).rejects.toMatchObject({
      code: 'E_TOOLSTACK_FAULT',
      message: expect.stringContaining('it was saved on Xen 4.17, and this host has Xen 4.14') as string,
    });
    expect(local.log.join()).toContain('web1: it was saved on Xen 4.17, and this host has Xen 4.14');
    // Packed, its bytes are passed on; Xen may take it all the same.
    writeFileSync(local.path('saved.gz'), gzipSync(readFileSync(local.path('saved'))));
    local.log.length = 0;
    await restoreFrom(local.path('saved.gz'));
    expect(local.log.join()).toContain('it was saved on Xen 4.17');
    await destroyDomain(local.host, 'web1', never);
    isOn('4.17');
    local.log.length = 0;
    await restoreFrom(local.path('saved'));
    expect(local.log.join()).not.toContain('Xen');
  });
});

describe('save', () => {
  it('through a named pipe is what a reader gets, and it can be restored', async () => {
    const pipe = mkfifo('pipe');
    await during('sh', ['-c', 'gzip < pipe > saved.gz'], () => saveTo(pipe));
    expect(await runs()).toBeUndefined();
    expect(lstatSync(pipe).isFIFO()).toBe(true);
    await restoreFrom(local.path('saved.gz'));
    expect(await runs()).toBe('running');
  });

  it('replaces what a symbolic link leads to', async () => {
    symlinkSync('saved', local.path('link'));
    await saveTo(local.path('link'));
    expect(readlinkSync(local.path('link'))).toBe('saved');
    await restoreFrom(local.path('saved'));
    expect(await runs()).toBe('running');
  });

  it.each(['', 'nowhere/file'])('refuses %j before the guest is touched', async (file) => {
    await expect(saveTo(local.path(file))).rejects.toMatchObject({ code: 'E_REFUSED_FILE' });
    expect(await runs()).toBe('running');
  });

  it('that fails, of a guest that cannot be resumed, says what to do', async () => {
    const { toolstack } = local.host;
    const whole = toolstack.save.bind(toolstack);
    toolstack.save = async (...given) => {
      await whole(...given);
      throw new ToolstackError('E_TOOLSTACK_FAIL', 'the last record was not written');
    };
    toolstack.resume = () => Promise.reject(new ToolstackError('E_TOOLSTACK_FAIL', 'it stays suspended'));
    await expect(saveTo(local.path('saved'))).rejects.toMatchObject({
      code: 'E_TOOLSTACK_RESUME',
      message: expect.stringMatching(/not written.*stays suspended/) as string,
      hint: expect.stringContaining('resume') as string,
    });
    expect(existsSync(local.path('saved'))).toBe(false);
  });

  it('leaves the guest running where the reader goes', async () => {
    const pipe = mkfifo('pipe');
    const failed = during('head', ['-c', '10000', pipe], () => saveTo(pipe));
    await expect(failed).rejects.toMatchObject({
      name: 'ToolstackError',
      message: expect.stringMatching(/saving web1 failed: .*EPIPE.*; the guest runs on$/) as string,
      hint: expect.stringContaining('do not restore it') as string,
    });
    expect(await runs()).toBe('running');
    await saveTo(local.path('saved'));
    expect(await runs()).toBeUndefined();
  });
});

describe('restore', () => {
  let saved: Buffer;
  beforeEach(async () => {
    await saveTo(local.path('saved'));
    saved = readFileSync(local.path('saved'));
  });

  it('reads a named pipe', async () => {
    const pipe = mkfifo('pipe');
    await during('sh', ['-c', 'cat saved > pipe'], () => restoreFrom(pipe));
    expect(await runs()).toBe('running');
  });

  it.each(['gzip', 'xz', 'zstd'])('unpacks %s', async (program) => {
    const packed = spawnSync(program, ['-c'], { input: saved, maxBuffer: 1 << 28 });
    if (packed.error !== undefined) return;
    writeFileSync(local.path('packed'), packed.stdout);
    await restoreFrom(local.path('packed'));
    expect(await runs()).toBe('running');
  });

  it('makes nothing of a packed file whose check sum is wrong, though its stream was whole', async () => {
    const packed = gzipSync(saved);
    packed[packed.length - 8] ^= 1; // CRC32 of what was packed, RFC 1952
    writeFileSync(local.path('packed'), packed);
    await expect(restoreFrom(local.path('packed'))).rejects.toMatchObject({ code: 'E_STREAM_COMPRESSED' });
    expect(await runs()).toBeUndefined();
  });

  it('makes nothing of a packed file that ends early, and says so', async () => {
    writeFileSync(local.path('packed'), gzipSync(saved).subarray(0, -2000));
    await expect(restoreFrom(local.path('packed'))).rejects.toMatchObject({ code: 'E_STREAM_COMPRESSED' });
    expect(await runs()).toBeUndefined();
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'E_STREAM_SAVE_FILE'],
    ['a head that ends early', Buffer.from('Xen saved domain, xl format\n'), 'E_STREAM_SAVE_FILE'],
    ['gzip of something else', gzipSync('something else'), 'E_STREAM_SAVE_FILE'],
    ['a bare stream', Buffer.from('LibxlFmt'), 'E_REFUSED_NO_CONFIG'],
    ['a bare stream, packed', gzipSync('LibxlFmt'), 'E_REFUSED_NO_CONFIG'],
  ])('refuses %s', async (_what, bytes, code) => {
    writeFileSync(local.path('other'), bytes);
    await expect(restoreFrom(local.path('other'))).rejects.toMatchObject({ code });
    expect(await runs()).toBeUndefined();
  });

  it('refuses a folder', async () => {
    await expect(restoreFrom(local.dir)).rejects.toMatchObject({ code: 'E_REFUSED_FILE' });
  });

  it('leaves no descriptor open, whatever came of it', async () => {
    const open = (): string[] =>
      readdirSync('/proc/self/fd').flatMap((fd) => {
        const path = `/proc/self/fd/${fd}`; // that of the listing itself is closed again
        return existsSync(path) && readlinkSync(path).startsWith(local.path('saved')) ? [path] : [];
      });
    writeFileSync(local.path('saved.gz'), gzipSync(saved));
    writeFileSync(local.path('saved.bad'), gzipSync('something else'));
    for (const name of ['saved', 'saved.gz']) {
      await restoreFrom(local.path(name));
      await destroyDomain(local.host, 'web1', never);
    }
    await expect(restoreFrom(local.path('saved.bad'))).rejects.toThrow();
    expect(open()).toEqual([]);
  });
});

describe('dump', () => {
  const dumpTo = (file: string): Promise<unknown> =>
    dumpDomain(local.host, 'web1', { file, live: false, crash: false, reset: false, signal: never });

  it('writes where a symbolic link leads to, and the link stays', async () => {
    symlinkSync('core', local.path('link'));
    await dumpTo(local.path('link'));
    expect(readlinkSync(local.path('link'))).toBe('core');
    expect(lstatSync(local.path('core')).isFile()).toBe(true);
  });

  it('refuses a pipe and a folder that is missing before the guest is touched', async () => {
    await expect(dumpTo(mkfifo('pipe'))).rejects.toMatchObject({ code: 'E_REFUSED_FILE' });
    await expect(dumpTo(local.path('nowhere', 'core'))).rejects.toMatchObject({ code: 'E_REFUSED_FILE' });
    expect(await runs()).toBe('running');
  });
});

describe('a packed save file whose program does not end', () => {
  it('is waited for until the limit, and restores nothing', async () => {
    await saveTo(local.path('saved'));
    writeFileSync(local.path('saved.gz'), gzipSync(readFileSync(local.path('saved'))));
    const pipe = mkfifo('pipe');
    // The pipe stays open past the last byte of the file.
    const writer = spawn('sh', ['-c', 'exec 3>pipe; cat saved.gz >&3; exec sleep 600'], {
      cwd: local.dir,
      stdio: 'ignore',
    });
    try {
      await withShortTimeout(30_000, () =>
        expect(restoreFrom(pipe)).rejects.toMatchObject({ code: 'E_DEADLINE_FILE' }),
      );
      expect(await runs()).toBeUndefined();
    } finally {
      const ended = once(writer, 'close');
      writer.kill('SIGKILL');
      await ended;
    }
  });
});
