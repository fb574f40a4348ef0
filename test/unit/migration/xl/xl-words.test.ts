import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { relayWords } from '../../../../src/cli/relay-words.js';
import { ByteReader } from '../../../../src/migration/xl/byte-reader.js';
import { ChunkQueue } from '../../../../src/migration/xl/chunk-queue.js';
import { parseXlList } from '../../../../src/migration/xl/xl-list.js';

const never = new AbortController().signal;

describe('xl list -v', () => {
  it('is read by its lines, whatever stands around them', () => {
    const text = [
      'WARNING: something',
      'Name                                        ID   Mem VCPUs\tState\tTime(s)   UUID                            Reason-Code\tSecurity Label',
      'Domain-0                                     0  1024     1     r-----      25.5 00000000-0000-0000-0000-000000000000            -                -',
      'web 1                                       12   128     2     -b----       3.0 e65927d7-f5c1-45d0-aced-52bb099932d6            -                -',
      'g--incoming                                 13    96     1     --p---       0.0 0c0ffee0-f5c1-45d0-aced-52bb099932d6            -                -',
      '(null)',
    ].join('\n');
    expect(parseXlList(text)).toEqual([
      { name: 'Domain-0', domid: 0, paused: false, uuid: '00000000-0000-0000-0000-000000000000' },
      { name: 'web 1', domid: 12, paused: false, uuid: 'e65927d7-f5c1-45d0-aced-52bb099932d6' },
      { name: 'g--incoming', domid: 13, paused: true, uuid: '0c0ffee0-f5c1-45d0-aced-52bb099932d6' },
    ]);
  });

  it.each(['', 'libxl: error: cannot open the privileged command interface', 'Name  ID\nweb 1 12'])(
    'says nothing of who is there where it cannot be read: %j',
    (text) => {
      expect(() => parseXlList(text)).toThrow(expect.objectContaining({ code: 'E_PROTOCOL_XL' }) as Error);
    },
  );
});

describe('xenferry-ssh', () => {
  it("keeps its own options apart from those of xl's command", () => {
    expect(relayWords(['--transport', 'ssh', 'host2', 'xl', '-vv', 'migrate-receive', '-e', '-p'])).toEqual([
      'xl-relay',
      '--transport',
      'ssh',
      'host2',
      'xl -vv migrate-receive -e -p',
    ]);
  });

  it('takes a host that is called xl for what it is', () => {
    expect(relayWords(['xl', 'xl', 'migrate-receive'])).toEqual(['xl-relay', 'xl', 'xl migrate-receive']);
  });
});

describe('bytes from a peer', () => {
  it('come in the lengths asked for, whatever the chunks', async () => {
    const reader = new ByteReader(Readable.from([Buffer.from('ab'), Buffer.from('cdef'), Buffer.from('g')]), 'peer');
    expect((await reader.exactly(1, 'a', never)).toString()).toBe('a');
    expect((await reader.exactly(4, 'b', never)).toString()).toBe('bcde');
    expect(Buffer.from((await reader.some(never)) ?? []).toString()).toBe('f');
    await expect(reader.exactly(5, 'the rest', never)).rejects.toMatchObject({
      code: 'E_TUNNEL_CUT',
      message: 'peer ended after 1 of the 5 bytes of the rest',
    });
  });

  it('are refused where others were due', async () => {
    const reader = new ByteReader(Readable.from([Buffer.from('no\n')]), 'peer');
    await expect(reader.expect(Buffer.from('yes'), 'a yes', never)).rejects.toMatchObject({
      code: 'E_PROTOCOL_XL',
      data: { said: 'no.' },
    });
  });
});

describe('a chunk queue', () => {
  it('makes the writer wait for the reader, and ends', async () => {
    const queue = new ChunkQueue();
    const got: string[] = [];
    const reading = (async () => {
      for await (const chunk of queue) got.push(Buffer.from(chunk).toString());
    })();
    await queue.put(Buffer.from('a'));
    await queue.put(Buffer.from('b'));
    queue.end();
    await reading;
    expect([got, queue.bytes]).toEqual([['a', 'b'], 2]);
  });

  it('ends both sides with what it was told', async () => {
    const queue = new ChunkQueue();
    const writing = queue.put(Buffer.from('a'));
    queue.fail(new Error('cut'));
    await expect(writing).rejects.toThrow('cut');
    await expect(queue[Symbol.asyncIterator]().next()).resolves.toMatchObject({ done: false });
  });

  it('does not leave a writer waiting when the reader has had enough', async () => {
    const queue = new ChunkQueue();
    const reader = queue[Symbol.asyncIterator]();
    const first = queue.put(Buffer.from('a'));
    await reader.next();
    await first;
    await reader.return?.();
    await expect(queue.put(Buffer.from('b'))).rejects.toMatchObject({ code: 'E_ABORTED' });
  });
});
