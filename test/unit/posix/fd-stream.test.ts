import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FdWriter, readFd } from '../../../src/posix/fd-stream.js';
import { makePipe, PIPE_BYTES } from '../../../src/posix/owned-fd.js';

const never = new AbortController().signal;
const openFds = (): number => readdirSync('/proc/self/fd').length;

describe('pipes', () => {
  it('carry bytes through both streams, whole and in order', async () => {
    const before = openFds();
    const pipe = makePipe('test');
    const sent = Buffer.alloc(3_000_000, 0).map((_, index) => (index * 7 + (index >> 8)) & 0xff);
    const writing = (async () => {
      using writer = new FdWriter(pipe.writeEnd);
      for (let at = 0; at < sent.length; at += 100_001) await writer.write(sent.subarray(at, at + 100_001), never);
      await writer.end(never);
    })();
    const parts: Uint8Array[] = [];
    for await (const chunk of readFd(pipe.readEnd, never)) parts.push(chunk);
    await writing;
    expect(Buffer.concat(parts).equals(sent)).toBe(true);
    expect(openFds()).toBe(before);
  });

  it('are left alone for a while behind a read that emptied them, and their end is seen all the same', async () => {
    const pipe = makePipe('test');
    let waits = 0;
    const linger = (): number => {
      waits += 1;
      return 20;
    };
    const writing = (async () => {
      using writer = new FdWriter(pipe.writeEnd);
      for (let part = 0; part < 40; part += 1) {
        await writer.write(Buffer.alloc(1000, part), never);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await writer.end(never);
    })();
    const parts: Uint8Array[] = [];
    for await (const chunk of readFd(pipe.readEnd, never, linger)) parts.push(chunk);
    await writing;
    expect(Buffer.concat(parts)).toHaveLength(40_000);
    expect(waits).toBe(parts.length);
    expect(parts.length).toBeLessThan(30);
  });

  it('are not inherited by children', async () => {
    const { readEnd, writeEnd } = makePipe('test');
    const pipe = readlinkSync(`/proc/self/fd/${readEnd.fd}`);
    expect(pipe).toMatch(/^pipe:\[\d+\]$/);
    const child = spawn('ls', ['-l', '/proc/self/fd'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (part: Buffer) => (text += part.toString()));
    await once(child, 'close');
    expect(text).toContain('/dev/null');
    expect(text).not.toContain(pipe);
    readEnd.close();
    writeEnd.close();
  });

  it('end a reader that waits when its signal fires', async () => {
    const pipe = makePipe('test');
    const stop = new AbortController();
    const reading = (async () => {
      for await (const chunk of readFd(pipe.readEnd, stop.signal)) throw new Error(`got ${chunk.length} bytes`);
    })();
    stop.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    pipe.writeEnd.close();
  });

  it('end a writer that waits when its signal fires, and one whose reader goes away', async () => {
    const full = makePipe('test');
    const stop = new AbortController();
    using writer = new FdWriter(full.writeEnd);
    const writing = writer.write(Buffer.alloc(8_000_000), stop.signal);
    stop.abort(new Error('enough'));
    await expect(writing).rejects.toThrow('enough');
    full.readEnd.close();

    const broken = makePipe('test');
    using other = new FdWriter(broken.writeEnd);
    const more = other.write(Buffer.alloc(8_000_000), never);
    broken.readEnd.close();
    await expect(more).rejects.toThrow('EPIPE');
  });

  it('a writer has its chunk back only when the pipe has all of it, however little is left', async () => {
    const { readEnd, writeEnd } = makePipe('test');
    using writer = new FdWriter(writeEnd);
    await writer.write(Buffer.alloc(PIPE_BYTES, 1), never); // it is full now
    const chunk = Buffer.alloc(100, 1);
    let back = false;
    const writing = writer.write(chunk, never).then(() => {
      back = true;
      chunk.fill(2); // whoever still reads it would see
    });
    await new Promise(setImmediate);
    expect(back).toBe(false);
    let bytes = 0;
    for await (const part of readFd(readEnd, never)) {
      expect(part.every((byte) => byte === 1)).toBe(true);
      bytes += part.length;
      if (bytes === PIPE_BYTES + 100) break;
    }
    await writing;
  });

  it('hand a descriptor over exactly once', () => {
    const pipe = makePipe('test');
    const fd = pipe.writeEnd.release();
    expect(() => pipe.writeEnd.release()).toThrow('already handed over');
    writeSync(fd, 'x');
    closeSync(fd);
    pipe.writeEnd.close();
    pipe.readEnd.close();
    pipe.readEnd.close();
  });
});
