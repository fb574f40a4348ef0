import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../../src/errors/message-of.js';
import {
  encodeMessage,
  HEADER_BYTES,
  MessageReader,
  MOST_BYTES_BEFORE_OPEN,
  MOST_MESSAGE_BYTES,
  type Message,
} from '../../../src/libvirt/wire/message.js';

const HEADER = { program: 0x2000_8086, version: 1, procedure: 60, type: 0, serial: 7, status: 0 };

describe("messages of libvirt's protocol", () => {
  it('come whole however their bytes are cut', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(payloads, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (payloads, cuts) => {
        const bytes = Buffer.concat(
          payloads.map((payload, serial) => encodeMessage({ ...HEADER, serial }, Buffer.from(payload))),
        );
        const reader = new MessageReader();
        const got: Message[] = [];
        for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
          const take = cuts[cut % cuts.length];
          got.push(...reader.push(bytes.subarray(at, at + take)));
          at += take;
        }
        expect(got.map(({ payload }) => Buffer.from(payload))).toEqual(payloads.map((one) => Buffer.from(one)));
        expect(got.map(({ serial }) => serial)).toEqual(payloads.map((_, index) => index));
        expect(reader.midMessage).toBe(false);
      }),
    );
  });

  it.each([0, HEADER_BYTES - 1, MOST_BYTES_BEFORE_OPEN + 1, 0xffff_ffff])(
    'E_PROTOCOL_LIBVIRT_MESSAGE: a stranger announces %s bytes',
    (length) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(length);
      let code = 'none';
      try {
        expect([...new MessageReader().push(bytes)]).toEqual([]);
      } catch (error) {
        code = codeOf(error);
      }
      expect(code).toBe('E_PROTOCOL_LIBVIRT_MESSAGE');
    },
  );

  it('makes room for a large message as its bytes come, and no sooner', () => {
    const reader = new MessageReader(MOST_MESSAGE_BYTES);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(MOST_MESSAGE_BYTES);
    const before = process.memoryUsage().arrayBuffers;
    expect([...reader.push(bytes)]).toEqual([]);
    expect([...reader.push(Buffer.alloc(1000))]).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });
});
