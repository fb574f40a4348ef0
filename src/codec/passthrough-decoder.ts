import { PAGE_BYTES } from '../savestream/layout.js';
import { batchError, Op, OP_BYTES, type BatchHeader } from './batch.js';

const ZEROES = Buffer.alloc(32 * PAGE_BYTES);

/**
 * Makes the raw stream from batches that refer to nothing before them: nothing is kept, and data goes on from where it lies. What
 * `PageDecoder` is where pages were looked for. What it is given comes from the network: everything is checked.
 */
export class PassthroughDecoder {
  /**
   * The raw bytes of a batch, in pieces that are to be used before the next is asked for.
   * @param body the whole body, unpacked
   * @param offset of the batch in the encoded stream, for messages
   * @throws ProtocolError `E_PROTOCOL_BATCH`
   */
  *decode(header: BatchHeader, body: Buffer, offset: number): Generator<Buffer, void, undefined> {
    const dataEnd = header.bodyBytes - header.opsBytes;
    let data = 0;
    let left = header.rawBytes;
    for (let at = dataEnd; at < header.bodyBytes; at += OP_BYTES) {
      const arg16 = body.readUInt16BE(at + 2);
      const arg32 = body.readUInt32BE(at + 4);
      if (body[at + 1] !== 0) throw batchError(offset, 'a reserved byte is not zero');
      const code = body[at];
      const count = code === Op.ZERO ? arg32 * PAGE_BYTES : arg32;
      if (code !== Op.DATA && code !== Op.ZERO) {
        throw batchError(offset, `operation ${code}, which is not known or refers to bytes that nobody has kept`);
      }
      if (arg16 !== 0 || count === 0 || count > left || (code === Op.DATA && count > dataEnd - data)) {
        throw batchError(offset, `${count} bytes, but ${dataEnd - data} are there and ${left} are due`);
      }
      left -= count;
      if (code === Op.DATA) {
        yield body.subarray(data, data + count);
        data += count;
      } else {
        for (let done = 0; done < count; done += ZEROES.length) yield ZEROES.subarray(0, count - done);
      }
    }
    if (left !== 0 || data !== dataEnd) {
      throw batchError(offset, `${left} raw bytes and ${dataEnd - data} bytes of data are left over`);
    }
  }
}
