import type { TlsSession } from '../../posix/tls/tls-session.js';
import { FRAME_HEADER_BYTES, FrameType, encodeHeader, type Frame } from '../frame.js';

/** Up to so many bytes are sent in one piece with their header: a copy is cheaper than a record. */
const SMALL_BYTES = 8 * 1024;

/** Records of a lane are gathered up to this before they are written. */
const GATHER_BYTES = 128 * 1024;

/** What one turn may encrypt, so that every link of the thread has its turn. */
const TURN_BYTES = 1024 * 1024;

/** Beyond this, who can holds back. */
const FULL_BYTES = 512 * 1024;

interface Piece {
  readonly bytes: Uint8Array;
  readonly isData: boolean;
  readonly onTaken: (() => void) | undefined;
}

/** Frames that wait to be encrypted and written, in order. Payloads are not copied: they must not change until they are taken. */
export class Outbox {
  readonly #pieces: Piece[] = [];
  #bytes = 0;
  #unflushed = false;

  get isEmpty(): boolean {
    return this.#pieces.length === 0 && !this.#unflushed;
  }

  get isFull(): boolean {
    return this.#bytes > FULL_BYTES;
  }

  /** @param onTaken called once the payload is encrypted, and its memory not looked at any more */
  add(frame: Frame, onTaken?: () => void): void {
    const header = encodeHeader(frame);
    const { payload } = frame;
    this.#bytes += FRAME_HEADER_BYTES + payload.length;
    const isData = frame.type === FrameType.DATA;
    if (payload.length <= SMALL_BYTES) {
      this.#pieces.push({ bytes: payload.length === 0 ? header : Buffer.concat([header, payload]), isData, onTaken });
    } else {
      this.#pieces.push({ bytes: header, isData, onTaken: undefined }, { bytes: payload, isData, onTaken });
    }
  }

  /** Nothing of it is written any more. */
  clear(): void {
    this.#pieces.length = 0;
    this.#bytes = 0;
    this.#unflushed = false;
  }

  /**
   * Writes as much as goes now, or as one turn may. Throws what the session throws.
   * @returns `done`: all is written; `blocked`: the session could take no more, and says what to wait for; `more`: another turn
   */
  writeTo(session: TlsSession): 'done' | 'blocked' | 'more' {
    let left = TURN_BYTES;
    for (let piece = this.#pieces.at(0); piece !== undefined && left > 0; piece = this.#pieces.at(0)) {
      if (piece.isData) session.bufferWrites(GATHER_BYTES);
      this.#unflushed = true;
      if (!session.write(piece.bytes)) return 'blocked';
      this.#pieces.shift();
      this.#bytes -= piece.bytes.length;
      left -= piece.bytes.length;
      piece.onTaken?.();
    }
    if (this.#pieces.length > 0) return 'more';
    if (this.#unflushed && !session.flush()) return 'blocked';
    this.#unflushed = false;
    return 'done';
  }
}
