import { execFileSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMarkedLine } from '../../../../src/tunnel/ssh/marked-line.js';
import { shellWord } from '../../../../src/errors/shell-words.js';
import {
  dialLine,
  DIAL_MARK,
  readDialLine,
  readReceiveLine,
  receiveLine,
  RECEIVE_MARK,
} from '../../../../src/tunnel/ssh/ssh-greeting.js';
import { StderrTail } from '../../../../src/tunnel/ssh/stderr-tail.js';

const LIMITS = { noiseBytes: 100, lineBytes: 100 };
const NEVER = new AbortController().signal;
const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const FINGERPRINT = Array.from({ length: 32 }, () => 'AB').join(':');

describe('a marked line', () => {
  it('is found behind noise, at any split, and what is behind it stays', async () => {
    const bytes = Buffer.from('Welcome!\nnews MARK no\nMARK {"a":1}\r\nrest\0');
    for (let at = 0; at <= bytes.length; at += 1) {
      const stream = new PassThrough();
      const found = readMarkedLine(stream, 'MARK ', LIMITS, NEVER);
      stream.write(bytes.subarray(0, at));
      stream.end(bytes.subarray(at));
      expect(await found).toMatchObject({ text: '{"a":1}', noise: 'Welcome!\nnews MARK no' });
      const rest: Buffer[] = [];
      for await (const chunk of stream) if (Buffer.isBuffer(chunk)) rest.push(chunk);
      expect(Buffer.concat(rest).toString()).toBe('rest\0');
    }
  });

  it.each([
    ['too much noise', 'x'.repeat(101), 'E_PROTOCOL_GREETING'],
    ['too long a line', `MARK ${'x'.repeat(200)}`, 'E_PROTOCOL_GREETING'],
    ['a mark behind too much', `${'x'.repeat(101)}\nMARK 1\n`, 'E_PROTOCOL_GREETING'],
    ['an end', 'hello', 'E_TUNNEL_CUT'],
  ])('%s is refused', async (_, text, code) => {
    const stream = new PassThrough();
    stream.end(text);
    await expect(readMarkedLine(stream, 'MARK ', LIMITS, NEVER)).rejects.toMatchObject({ code });
  });

  it('waits no longer than the signal', async () => {
    const stop = new AbortController();
    const stream = new PassThrough();
    const found = readMarkedLine(stream, 'MARK ', LIMITS, stop.signal);
    stop.abort(new Error('enough'));
    await expect(found).rejects.toThrow('enough');
    expect(stream.listenerCount('readable')).toBe(0);
  });
});

describe('the ssh greeting', () => {
  it('comes back as it was sent', () => {
    const receive = { socket: '/run/x/lanes', tls: { port: 40001, ca: PEM, fingerprint: FINGERPRINT } };
    expect(readReceiveLine(receiveLine(receive).slice(RECEIVE_MARK.length))).toEqual(receive);
    expect(readReceiveLine(receiveLine({ socket: '/s' }).slice(RECEIVE_MARK.length))).toEqual({ socket: '/s' });
    const dial = { tls: { ca: PEM } };
    expect(readDialLine(dialLine(dial).slice(DIAL_MARK.length))).toEqual(dial);
    expect(readDialLine(dialLine({}).slice(DIAL_MARK.length))).toEqual({});
    expect(receiveLine(receive).split('\n')).toHaveLength(2);
  });

  it.each([
    ['not json', 'JSON'],
    ['[]', 'version'],
    ['{"version":1,"socket":"relative"}', 'socket'],
    [`{"version":1,"socket":"/${'x'.repeat(107)}"}`, 'socket'],
    ['{"version":1,"socket":"/s","tls":{"port":0}}', 'tls.port'],
    ['{"version":1,"socket":"/s","tls":{"port":70000}}', 'tls.port'],
    ['{"version":1,"socket":"/s","tls":{"port":1,"fingerprint":"x"}}', 'tls.fingerprint'],
    [`{"version":1,"socket":"/s","tls":{"port":1,"fingerprint":"${FINGERPRINT}","ca":"x"}}`, 'tls.ca'],
    ['{"version":1,"socket":"/s","tls":null}', 'tls'],
  ])('%s is refused, naming %s', (line, field) => {
    expect(() => readReceiveLine(line)).toThrow(field);
  });

  it('another version is told as such', () => {
    expect(() => readReceiveLine('{"version":2,"socket":"/s"}')).toThrow(
      expect.objectContaining({ code: 'E_PROTOCOL_GREETING_VERSION' }),
    );
    expect(() => readDialLine('{"version":2}')).toThrow('another version');
  });
});

describe('words for the remote shell', () => {
  it('a shell reads them back as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary-ascii' }), { minLength: 1, maxLength: 4 }), (words) => {
        const clean = words.map((word) => word.replaceAll('\0', ''));
        const script = `printf '%s\\0' ${clean.map(shellWord).join(' ')}`;
        const out = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
        expect(out).toBe(clean.map((word) => `${word}\0`).join(''));
      }),
      { numRuns: 30 },
    );
  });
});

describe('the tail of standard error', () => {
  it('keeps the last 20 lines, printable, across any split', () => {
    const tail = new StderrTail();
    for (let line = 0; line < 30; line += 1) {
      tail.add(Buffer.from(`li`));
      tail.add(Buffer.from(`ne ${line}\u001b[31m\n`));
    }
    tail.add(Buffer.from('no end'));
    expect(tail.lines()).toHaveLength(20);
    expect(tail.lines().at(-1)).toBe('no end');
    expect(tail.lines().at(-2)).toBe('line 29\\u001b[31m');
  });

  it('is bounded for a line without end', () => {
    const tail = new StderrTail();
    for (let at = 0; at < 100; at += 1) tail.add(Buffer.alloc(10_000, 'x'));
    expect(tail.lines().join('').length).toBeLessThanOrEqual(400);
  });
});
