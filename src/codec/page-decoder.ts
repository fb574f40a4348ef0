import { PAGE_BYTES } from '../savestream/layout.js';
import { batchError, Op, OP_BYTES, type BatchHeader } from './batch.js';
import { applyDelta, MAX_DELTA_BYTES } from './page-delta.js';
import { BLOCK_BYTES, type RawWindow } from './raw-window.js';

/** What is handed on at once at most, and so what may lie in the window unread. */
export const DECODE_AHEAD_BYTES = 2 * BLOCK_BYTES;

const ZERO_PAGES = 32;
const ZEROES = Buffer.alloc(ZERO_PAGES * PAGE_BYTES);

/** Makes the raw stream from batches, in their order. What it is given comes from the network: everything is checked. */
export class PageDecoder {
  readonly #page = Buffer.alloc(PAGE_BYTES);
  #given = 0;

  /** @param window its size must be what the far side has agreed to, and `aheadBytes` at least DECODE_AHEAD_BYTES */
  constructor(private readonly window: RawWindow) {}

  /**
   * The raw bytes of a batch, in pieces that are good until the window has moved on over them: they are to be
   * used before the next is asked for.
   * @param body the whole body, unpacked
   * @param offset of the batch in the encoded stream, for messages
   * @throws ProtocolError `E_PROTOCOL_BATCH`
   */
  *decode(header: BatchHeader, body: Buffer, offset: number): Generator<Buffer, void, undefined> {
    const { window } = this;
    const dataEnd = header.bodyBytes - header.opsBytes;
    const end = window.end + header.rawBytes;
    let data = 0;
    for (let at = dataEnd; at < header.bodyBytes; at += OP_BYTES) {
      const arg16 = body.readUInt16BE(at + 2);
      const arg32 = body.readUInt32BE(at + 4);
      const code = body[at];
      if (body[at + 1] !== 0) throw batchError(offset, 'a reserved byte is not zero');
      const left = end - window.end;
      switch (code) {
        case Op.DATA:
          if (arg16 !== 0 || arg32 === 0 || arg32 > dataEnd - data || arg32 > left) {
            throw batchError(offset, `${arg32} bytes of data, but ${dataEnd - data} are there and ${left} are due`);
          }
          window.append(body, data, arg32);
          data += arg32;
          break;
        case Op.ZERO:
          if (arg16 !== 0 || arg32 === 0 || arg32 * PAGE_BYTES > left) {
            throw batchError(offset, `${arg32} pages of zeroes where ${left} bytes are due`);
          }
          for (let pages = 0; pages < arg32; pages += ZERO_PAGES) {
            window.append(ZEROES, 0, Math.min(ZERO_PAGES, arg32 - pages) * PAGE_BYTES);
            if (this.#ripe) yield* this.#rest();
          }
          break;
        case Op.COPY:
          this.#checkDistance(arg32, offset);
          if (arg16 === 0 || arg16 * PAGE_BYTES > left) {
            throw batchError(offset, `${arg16} pages again where ${left} bytes are due`);
          }
          for (let page = 0; page < arg16; page += 1) {
            this.#again(arg32);
            if (this.#ripe) yield* this.#rest();
          }
          break;
        case Op.DELTA:
          this.#checkDistance(arg32, offset);
          if (arg16 > MAX_DELTA_BYTES || arg16 > dataEnd - data || left < PAGE_BYTES) {
            throw batchError(offset, `a delta of ${arg16} bytes, but ${dataEnd - data} are there and ${left} are due`);
          }
          window.copyTo(this.#page, 0, window.end - arg32, PAGE_BYTES);
          if (!applyDelta(this.#page, body.subarray(data, data + arg16))) {
            throw batchError(offset, 'a delta does not fit its page');
          }
          window.append(this.#page, 0, PAGE_BYTES);
          data += arg16;
          break;
        default:
          throw batchError(offset, `operation ${code} is not known`);
      }
      if (this.#ripe) yield* this.#rest();
    }
    if (window.end !== end || data !== dataEnd) {
      throw batchError(offset, `${end - window.end} raw bytes and ${dataEnd - data} bytes of data are left over`);
    }
    yield* this.#rest();
  }

  #checkDistance(distance: number, offset: number): void {
    const { window } = this;
    if (distance >= PAGE_BYTES && distance <= Math.min(window.bytes, window.end)) return;
    const most = Math.min(window.bytes, window.end);
    throw batchError(offset, `a page from ${distance} bytes ago, expected ${PAGE_BYTES} to ${most}`);
  }

  #again(distance: number): void {
    const from = this.window.end - distance;
    const inBlock = from % BLOCK_BYTES;
    if (inBlock + PAGE_BYTES <= BLOCK_BYTES) {
      this.window.append(this.window.block(from), inBlock, PAGE_BYTES);
      return;
    }
    this.window.copyTo(this.#page, 0, from, PAGE_BYTES);
    this.window.append(this.#page, 0, PAGE_BYTES);
  }

  /** Whether what has come together is to be handed on, before it becomes too much for the window. */
  get #ripe(): boolean {
    return this.window.end - this.#given >= BLOCK_BYTES;
  }

  *#rest(): Generator<Buffer, void, undefined> {
    const { window } = this;
    const to = window.end;
    yield* window.pieces(this.#given, to);
    this.#given = to;
    window.take(to);
  }
}
