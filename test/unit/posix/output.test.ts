import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openOutput } from '../../../src/posix/output/open-output.js';
import type { Output } from '../../../src/posix/output/output.js';

const never = new AbortController().signal;
let dir: string;
const at = (...parts: string[]): string => join(dir, ...parts);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-output-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** As a save does it: a head, and then the stream by its descriptor. */
async function send(output: Output, head: string, body: string): Promise<void> {
  await output.write(Buffer.from(head), never);
  const stream = output.stream();
  writeSync(stream.fd, body);
  stream.close();
}

async function sendAll(path: string, head: string, body: string): Promise<void> {
  await using output = await openOutput(path, never);
  await send(output, head, body);
  await output.settled(never);
  output.keep();
}

const openFds = (): number => readdirSync('/proc/self/fd').length;

describe('a plain file', () => {
  it('is there only when it is whole, for its owner alone', async () => {
    const before = openFds();
    {
      await using output = await openOutput(at('new'), never);
      await send(output, 'head', 'body');
      expect(readdirSync(dir)).toEqual(['new.part']);
      output.keep();
      expect(readFileSync(at('new'), 'utf8')).toBe('headbody');
      expect(statSync(at('new')).mode & 0o777).toBe(0o600);
    }
    expect(readdirSync(dir)).toEqual(['new']);
    expect(openFds()).toBe(before);
  });

  it('is replaced where a symbolic link leads, and the link stays', async () => {
    mkdirSync(at('store'));
    writeFileSync(at('store', 'old'), 'old');
    symlinkSync('store/old', at('link'));
    symlinkSync('store/new', at('dangling'));
    await sendAll(at('link'), 'he', 'ad');
    await sendAll(at('dangling'), 'ne', 'w');
    expect([readlinkSync(at('link')), readlinkSync(at('dangling'))]).toEqual(['store/old', 'store/new']);
    expect([readFileSync(at('store', 'old'), 'utf8'), readFileSync(at('store', 'new'), 'utf8')]).toEqual([
      'head',
      'new',
    ]);
    expect(readdirSync(at('store'))).toEqual(['new', 'old']);
  });

  it('is what it was where the writing is given up', async () => {
    writeFileSync(at('old'), 'old');
    {
      await using output = await openOutput(at('old'), never);
      await send(output, 'head', 'body');
    }
    expect(readdirSync(dir)).toEqual(['old']);
    expect(readFileSync(at('old'), 'utf8')).toBe('old');
  });

  it('is left alone where another command writes it', async () => {
    writeFileSync(at('new.part'), '');
    await expect(openOutput(at('new'), never)).rejects.toMatchObject({
      code: 'E_REFUSED_FILE',
      hint: expect.stringContaining('new.part') as string,
    });
  });

  it('that is open as a descriptor is written on, in order', async () => {
    const fd = openSync(at('log'), 'a');
    writeSync(fd, 'before ');
    await sendAll(`/dev/fd/${fd}`, 'head', 'body');
    writeSync(fd, ' after');
    closeSync(fd);
    expect(readFileSync(at('log'), 'utf8')).toBe('before headbody after');
  });
});

describe('a pipe', () => {
  beforeEach(() => {
    expect(spawnSync('mkfifo', [at('pipe')]).status).toBe(0);
  });

  async function readBy(reader: ChildProcess): Promise<string> {
    let text = '';
    reader.stdout?.setEncoding('utf8').on('data', (part: string) => (text += part));
    await once(reader, 'close');
    return text;
  }

  it('is written to in order, and stays a pipe', async () => {
    const before = openFds();
    const read = readBy(spawn('cat', [at('pipe')], { stdio: ['ignore', 'pipe', 'inherit'] }));
    const body = 'x'.repeat(3_000_000);
    {
      await using output = await openOutput(at('pipe'), never);
      await output.write(Buffer.from('head'), never);
      const stream = output.stream();
      const writer = spawn('sh', ['-c', 'head -c 3000000 /dev/zero | tr "\\0" x'], {
        stdio: ['ignore', stream.fd, 'inherit'],
      });
      stream.close();
      await once(writer, 'close');
      await output.settled(never);
      output.keep();
    }
    expect((await read) === `head${body}`).toBe(true);
    expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
    expect(readdirSync(dir)).toEqual(['pipe']);
    await expect.poll(openFds).toBe(before);
  });

  it('waits for its reader, until a stop or the time that it may take', async () => {
    const stop = new AbortController();
    const opening = openOutput(at('pipe'), stop.signal);
    stop.abort(new Error('enough'));
    await expect(opening).rejects.toThrow('enough');
    await expect(openOutput(at('pipe'), never, 1)).rejects.toMatchObject({
      code: 'E_REFUSED_FILE',
      cause: { code: 'E_DEADLINE_READER' },
      hint: expect.stringContaining('Start the program that reads') as string,
    });
    const late = openOutput(at('pipe'), never);
    const reader = spawn('cat', [at('pipe')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const read = readBy(reader);
    {
      await using output = await late;
      await send(output, 'he', 'ad');
      await output.settled(never);
    }
    expect(await read).toBe('head');
  });

  it('fails where its reader goes before it has read everything', async () => {
    const reader = spawn('sh', ['-c', 'exec < pipe; echo open; exec sleep 60'], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await using output = await openOutput(at('pipe'), never);
    await once(reader.stdout, 'data');
    await send(output, 'head', 'body');
    const settled = output.settled(never);
    settled.catch(() => undefined);
    reader.kill('SIGKILL');
    await expect(settled).rejects.toMatchObject({ code: expect.stringMatching(/EPIPE/) as string });
    expect(output.failure).toBeDefined();
  });

  it('is not settled while its reader sleeps, and a stop is heard then', async () => {
    const reader = spawn('sh', ['-c', 'exec < pipe; echo open; exec sleep 60'], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await using output = await openOutput(at('pipe'), never);
      await once(reader.stdout, 'data');
      await send(output, 'head', 'body');
      const stop = new AbortController();
      const settled = output.settled(stop.signal);
      stop.abort(new Error('enough'));
      await expect(settled).rejects.toThrow('enough');
    } finally {
      reader.kill('SIGKILL');
    }
  });
});
