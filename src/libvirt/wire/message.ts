import { ProtocolError } from '../../errors/errors.js';

/** Numbers of the programs that share a connection (remote_protocol.x, virnetprotocol.x, virkeepaliveprotocol.x). */
export const PROGRAM = { remote: 0x2000_8086, qemu: 0x2000_8087, lxc: 0x0006_8000, keepalive: 0x6b65_6570 } as const;
export const PROGRAM_VERSION = 1;

/** Types of messages (virnetprotocol.x). The two that carry file descriptors are never announced by this host. */
export const TYPE = { call: 0, reply: 1, event: 2, stream: 3, callWithFds: 4, replyWithFds: 5, streamHole: 6 } as const;
export const STATUS = { ok: 0, error: 1, continue: 2 } as const;

/** `u32` length of the whole, then six `u32`. */
export const LENGTH_BYTES = 4;
export const HEADER_BYTES = 28;

/** No message may be longer, its length included (VIR_NET_MESSAGE_MAX and its four bytes). */
export const MOST_MESSAGE_BYTES = 33_554_432 + LENGTH_BYTES;
/** The longest message of a client that only reads, of which every user of the host may be one. */
export const MOST_READER_MESSAGE_BYTES = 1_048_576;
/** Until a connection is opened: a stranger announces no more. */
export const MOST_BYTES_BEFORE_OPEN = 65_536;

/** The header of a message (virnetprotocol.x, virNetMessageHeader). */
export interface MessageHeader {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly type: number;
  /** Of the call that this belongs to; they count from 0 and are answered in any order. */
  readonly serial: number;
  readonly status: number;
}

/** A message; the payload is the bytes after the header. */
export interface Message extends MessageHeader {
  readonly payload: Buffer;
}

/** The bytes of a message, its length included. */
export function encodeMessage(header: MessageHeader, payload: Buffer = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  const words = [
    bytes.length,
    header.program,
    header.version,
    header.procedure,
    header.type,
    header.serial,
    header.status,
  ];
  words.forEach((word, at) => bytes.writeUInt32BE(word, 4 * at));
  payload.copy(bytes, HEADER_BYTES);
  return bytes;
}

/** Room for a message is made as its bytes come: what it announces costs nothing. */
const FIRST_ROOM_BYTES = 16_384;

/** Parses messages from bytes in chunks of any size. Holds at most one message, whose length has been checked. */
export class MessageReader {
  #most: number;
  #length = LENGTH_BYTES;
  #room = Buffer.allocUnsafe(HEADER_BYTES);
  #fill = 0;

  /** @param most the longest message that is taken, its length included */
  constructor(most = MOST_BYTES_BEFORE_OPEN) {
    this.#most = most;
  }

  /** From here on longer messages are taken. */
  allow(most: number): void {
    this.#most = most;
  }

  /** Whether bytes of an unfinished message are held. */
  get midMessage(): boolean {
    return this.#fill > 0;
  }

  /**
   * Adds the messages that the chunk completes, one by one, so that what is allowed may change between two of them.
   * @throws ProtocolError `E_PROTOCOL_LIBVIRT_MESSAGE`; after that the reader must not be used again
   */
  *push(chunk: Buffer): Generator<Message> {
    let at = 0;
    while (at < chunk.length) {
      const take = Math.min(this.#length - this.#fill, chunk.length - at);
      this.#grow(this.#fill + take);
      chunk.copy(this.#room, this.#fill, at, at + take);
      this.#fill += take;
      at += take;
      if (this.#fill < this.#length) return;
      if (this.#fill === LENGTH_BYTES) {
        this.#length = this.#check(this.#room.readUInt32BE());
        continue;
      }
      const message = parse(this.#room.subarray(0, this.#length));
      this.#room = Buffer.allocUnsafe(HEADER_BYTES);
      this.#length = LENGTH_BYTES;
      this.#fill = 0;
      yield message;
    }
  }

  #grow(needed: number): void {
    if (needed <= this.#room.length) return;
    const larger = Buffer.allocUnsafe(
      Math.min(this.#length, Math.max(needed, FIRST_ROOM_BYTES, 2 * this.#room.length)),
    );
    this.#room.copy(larger, 0, 0, this.#fill);
    this.#room = larger;
  }

  #check(length: number): number {
    if (length >= HEADER_BYTES && length <= this.#most) return length;
    throw new ProtocolError(
      'E_PROTOCOL_LIBVIRT_MESSAGE',
      `message of ${length} bytes: from ${HEADER_BYTES} to ${this.#most} are allowed`,
      { hint: "This socket speaks libvirt's protocol; is the peer a client of libvirt?" },
    );
  }
}

function parse(whole: Buffer): Message {
  const word = (at: number): number => whole.readUInt32BE(4 * at);
  return {
    program: word(1),
    version: word(2),
    procedure: word(3),
    type: word(4),
    serial: word(5),
    status: word(6),
    payload: whole.subarray(HEADER_BYTES),
  };
}
