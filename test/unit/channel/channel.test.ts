import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { messageLine, MessageReader } from '../../../src/channel/message-lines.js';
import { SocketChannel } from '../../../src/channel/socket-channel.js';

const questionSchema = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('sum'), of: z.array(z.int()) }),
  z.object({ ask: z.literal('end') }),
]);
type Question = z.infer<typeof questionSchema>;

const LIMIT = 256;
const bytes = (text: string): Buffer => Buffer.from(text);

describe('a reader of messages', () => {
  const read = (...chunks: readonly Buffer[]): Question[] => {
    const reader = new MessageReader(questionSchema, LIMIT);
    return chunks.flatMap((chunk) => [...reader.push(chunk)]);
  };

  it('finds messages wherever the stream is cut, in a character too', () => {
    const texts = z.object({ text: z.string() });
    const whole = bytes(messageLine({ text: 'a€😀' }) + messageLine({ text: '\n' }));
    for (let at = 0; at <= whole.length; at += 1) {
      const reader = new MessageReader(texts, LIMIT);
      const found = [...reader.push(whole.subarray(0, at)), ...reader.push(whole.subarray(at))];
      expect(found).toEqual([{ text: 'a€😀' }, { text: '\n' }]);
    }
  });

  it('keeps half a message until its end has come, and drops keys that the schema lacks', () => {
    expect(read(bytes('{"ask":"end"'))).toEqual([]);
    expect(read(bytes('{"ask":"end"'), bytes(',"more":1}\n'))).toEqual([{ ask: 'end' }]);
  });

  it.each([
    ['no JSON', 'no json\n', /not a message: .*JSON/],
    ['an empty line', '\n', /not a message/],
    ['another type of message', '{"ask":"what"}\n', /not a message: ask: /],
    ['a field of another type', '{"ask":"sum","of":[1,"2"]}\n', /not a message: of\.1: /],
    ['a value that is no object', 'null\n', /not a message/],
  ])('refuses %s, and names the field', (_, line, message) => {
    expect(() => read(bytes(line))).toThrow(
      expect.objectContaining({ code: 'E_PROTOCOL_MESSAGE', message: expect.stringMatching(message) as unknown }),
    );
  });

  it('refuses a line beyond the limit before its end has come, and takes one of exactly the limit', () => {
    const line = (length: number): Buffer => bytes(JSON.stringify({ ask: 'end', pad: 'x'.repeat(length - 22) }));
    expect(line(LIMIT)).toHaveLength(LIMIT);
    expect(read(line(LIMIT), bytes('\n'))).toEqual([{ ask: 'end' }]);
    expect(() => read(line(LIMIT + 1))).toThrow(expect.objectContaining({ code: 'E_PROTOCOL_LINE_TOO_LONG' }));
    expect(() => read(bytes('x'.repeat(LIMIT)), bytes('x'))).toThrow(
      expect.objectContaining({ code: 'E_PROTOCOL_LINE_TOO_LONG', data: { limit: LIMIT } }),
    );
  });
});

describe('a channel over a socket', () => {
  let dir: string;
  let server: Server;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'xenferry-channel-'));
    server = createServer();
  });
  afterEach(() => {
    server.close();
    rmSync(dir, { recursive: true });
  });

  type Channel = SocketChannel<Question, Question>;
  const over = (socket: Socket): Channel =>
    new SocketChannel(socket, { receives: questionSchema, limitBytes: LIMIT, peer: 'the other process' });

  /** A channel, and the bare socket at its other end. */
  async function pair(): Promise<{ channel: Channel; far: Socket }> {
    const path = join(dir, 's');
    server.listen(path);
    await once(server, 'listening');
    const near = connect(path);
    const [far] = (await once(server, 'connection')) as [Socket];
    return { channel: over(near), far };
  }

  it('sends and receives in order, and ends with the other side', async () => {
    const { channel, far } = await pair();
    using near = channel;
    using other = over(far);
    for (let n = 0; n < 50; n += 1) near.send({ ask: 'sum', of: [n] });
    near.send({ ask: 'end' });
    expect(await other.next(60_000)).toEqual({ ask: 'sum', of: [0] });
    const rest: Question[] = [];
    for await (const message of other.received()) {
      rest.push(message);
      if (message.ask === 'end') break;
    }
    expect(rest).toHaveLength(50);
    expect(other.isEnded).toBe(false);
    other.close({ ask: 'end' });
    expect(await near.next(60_000)).toEqual({ ask: 'end' });
    expect(await near.next(60_000)).toBeUndefined();
    expect(near.isEnded).toBe(true);
    near.send({ ask: 'end' }); // after its end: nothing happens
  });

  it('gives a silent peer up after the wait, with its name', async () => {
    const { channel } = await pair();
    using near = channel;
    await expect(near.next(20)).rejects.toMatchObject({
      code: 'E_DEADLINE_CHANNEL',
      message: expect.stringContaining('the other process') as unknown,
    });
    expect(near.isEnded).toBe(true);
  });

  it('can still answer a message that it refused', async () => {
    const { channel, far } = await pair();
    using near = channel;
    far.write('{"ask":"what"}\n');
    await expect(near.next(60_000)).rejects.toMatchObject({ code: 'E_PROTOCOL_MESSAGE' });
    near.send({ ask: 'end' });
    near.end();
    const flushed = near.flush(60_000);
    const [answer] = (await once(far, 'data')) as [Buffer];
    expect(String(answer)).toBe('{"ask":"end"}\n');
    await flushed;
  });

  it('rejects with the reason for which it was destroyed, and with what broke it', async () => {
    const { channel, far } = await pair();
    using near = channel;
    const waiting = near.next(undefined);
    near.destroy(new Error('not needed any more'));
    await expect(waiting).rejects.toThrow('not needed any more');
    far.destroy();
    using unused = over(far);
    expect(await unused.next(60_000).catch(() => undefined)).toBeUndefined();
  });

  it('does not keep what a peer never ends', async () => {
    const { channel, far } = await pair();
    using near = channel;
    far.on('error', () => undefined);
    far.write('x'.repeat(LIMIT + 1));
    await expect(near.next(60_000)).rejects.toMatchObject({ code: 'E_PROTOCOL_LINE_TOO_LONG' });
  });
});
