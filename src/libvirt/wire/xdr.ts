import { ProtocolError } from '../../errors/errors.js';

/**
 * A type of XDR (RFC 4506) as libvirt uses it: how a value is read and written, and its shape as a text that can be compared with a
 * `remote_protocol.x`. Every item takes a multiple of four bytes, big-endian.
 */
export interface Xdr<T> {
  /** Canonical text of the shape: `string<4194304>?`, `{string<4194304>,uint}`. */
  readonly shape: string;
  /** No value takes fewer bytes: a count is held against what is left before an array is made. */
  readonly leastBytes: number;
  /** @throws ProtocolError `E_PROTOCOL_XDR` */
  read(reader: XdrReader): T;
  /** @throws ProtocolError `E_PROTOCOL_XDR` where the value does not fit the type */
  write(writer: XdrWriter, value: T): void;
}

export type XdrValue<X> = X extends Xdr<infer T> ? T : never;

function broken(what: string): ProtocolError {
  return new ProtocolError('E_PROTOCOL_XDR', `message of libvirt's protocol: ${what}`, {
    hint: "The peer breaks libvirt's protocol, or is a release that this one does not know.",
  });
}

/** Reads items from the payload of one message; never past its end. The bytes stay the caller's. */
export class XdrReader {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  get left(): number {
    return this.bytes.length - this.#at;
  }

  /** A view of the next bytes, without their padding. */
  take(count: number): Buffer {
    const padded = count + (-count & 3);
    if (padded > this.left) throw broken(`${padded} bytes announced, ${this.left} are left`);
    const at = this.#at;
    this.#at += padded;
    return this.bytes.subarray(at, at + count);
  }

  uint(): number {
    return this.take(4).readUInt32BE();
  }

  /** A count of items of at least `leastBytes` each, held against the type's bound and against what is left. */
  count(most: number, leastBytes: number, what: string): number {
    const count = this.uint();
    if (count > most) throw broken(`${what} of ${count}, at most ${most} are allowed`);
    if (count * leastBytes > this.left) throw broken(`${what} of ${count}, ${this.left} bytes are left`);
    return count;
  }

  /** @throws ProtocolError where bytes are left over */
  end(): void {
    if (this.left > 0) throw broken(`${this.left} bytes after the last item`);
  }
}

const FIRST_BYTES = 256;

/** Gathers the items of one payload. */
export class XdrWriter {
  #bytes = Buffer.alloc(FIRST_BYTES);
  #at = 0;

  /** Room for so many bytes, zeroed and padded; the caller fills it before the next call. */
  room(count: number): Buffer {
    const end = this.#at + count + (-count & 3);
    if (end > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(end, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#at);
      this.#bytes = larger;
    }
    const room = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at = end;
    return room;
  }

  uint(value: number): void {
    this.room(4).writeUInt32BE(value);
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}

function integer(shape: string, lowest: number, highest: number): Xdr<number> {
  const signed = lowest < 0;
  return {
    shape,
    leastBytes: 4,
    read: (reader) => {
      const bytes = reader.take(4);
      return signed ? bytes.readInt32BE() : bytes.readUInt32BE();
    },
    write: (writer, value) => {
      if (!Number.isInteger(value) || value < lowest || value > highest) throw broken(`${value} is no ${shape}`);
      const room = writer.room(4);
      if (signed) room.writeInt32BE(value);
      else room.writeUInt32BE(value);
    },
  };
}

export const int = integer('int', -0x8000_0000, 0x7fff_ffff);
export const uint = integer('uint', 0, 0xffff_ffff);

/** 64 bits. A value that does not fit is cut to its low 64 bits, as C does. */
export const hyper: Xdr<bigint> = {
  shape: 'hyper',
  leastBytes: 8,
  read: (reader) => reader.take(8).readBigInt64BE(),
  write: (writer, value) => {
    writer.room(8).writeBigInt64BE(BigInt.asIntN(64, value));
  },
};

export const uhyper: Xdr<bigint> = {
  shape: 'uhyper',
  leastBytes: 8,
  read: (reader) => reader.take(8).readBigUInt64BE(),
  write: (writer, value) => {
    writer.room(8).writeBigUInt64BE(BigInt.asUintN(64, value));
  },
};

export const double: Xdr<number> = {
  shape: 'double',
  leastBytes: 8,
  read: (reader) => reader.take(8).readDoubleBE(),
  write: (writer, value) => {
    writer.room(8).writeDoubleBE(value);
  },
};

/** Nothing at all: the arguments of a call that has none. */
export const nothing: Xdr<void> = { shape: 'void', leastBytes: 0, read: () => undefined, write: () => undefined };

const utf8 = new TextDecoder('utf-8', { fatal: true });

function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new ProtocolError('E_PROTOCOL_XDR', "message of libvirt's protocol: a string that is not UTF-8", {
      cause: error,
    });
  }
}

/** UTF-8 text of at most so many bytes. */
export function string(most: number): Xdr<string> {
  return {
    shape: `string<${most}>`,
    leastBytes: 4,
    read: (reader) => textOf(reader.take(reader.count(most, 1, 'string'))),
    write: (writer, value) => {
      const bytes = Buffer.byteLength(value);
      if (bytes > most) throw broken(`string of ${bytes} bytes, at most ${most} are allowed`);
      writer.uint(bytes);
      writer.room(bytes).write(value, 'utf8');
    },
  };
}

/** Bytes, with their count in front. What is read is a view of the message. */
export function opaque(most: number): Xdr<Buffer> {
  return {
    shape: `opaque<${most}>`,
    leastBytes: 4,
    read: (reader) => reader.take(reader.count(most, 1, 'opaque data')),
    write: (writer, value) => {
      if (value.length > most) throw broken(`opaque data of ${value.length} bytes, at most ${most} are allowed`);
      writer.uint(value.length);
      value.copy(writer.room(value.length));
    },
  };
}

/** So many bytes, without a count. */
export function fixedOpaque(length: number): Xdr<Buffer> {
  return {
    shape: `opaque[${length}]`,
    leastBytes: length + (-length & 3),
    read: (reader) => reader.take(length),
    write: (writer, value) => {
      if (value.length !== length) throw broken(`${value.length} bytes in place of ${length}`);
      value.copy(writer.room(length));
    },
  };
}

/** A value or none. Any number but 0 in front means a value: Go's client sends 0x01000000. */
export function optional<T>(type: Xdr<T>): Xdr<T | undefined> {
  return {
    shape: `${type.shape}?`,
    leastBytes: 4,
    read: (reader) => (reader.uint() === 0 ? undefined : type.read(reader)),
    write: (writer, value) => {
      writer.uint(value === undefined ? 0 : 1);
      if (value !== undefined) type.write(writer, value);
    },
  };
}

/** A count of at most so many, then the items. */
export function array<T>(type: Xdr<T>, most: number): Xdr<T[]> {
  return {
    shape: `${type.shape}<${most}>`,
    leastBytes: 4,
    read: (reader) => {
      const count = reader.count(most, Math.max(type.leastBytes, 4), 'array');
      return Array.from({ length: count }, () => type.read(reader));
    },
    write: (writer, value) => {
      if (value.length > most) throw broken(`array of ${value.length}, at most ${most} are allowed`);
      writer.uint(value.length);
      for (const item of value) type.write(writer, item);
    },
  };
}

/** `char x[n]`: each takes four bytes, as rpcgen has it. The text ends at the first NUL. */
export function charArray(length: number): Xdr<string> {
  return {
    shape: `char[${length}]`,
    leastBytes: 4 * length,
    read: (reader) => {
      const bytes = Buffer.from(Array.from({ length }, () => reader.uint() & 0xff));
      const end = bytes.indexOf(0);
      return bytes.toString('latin1', 0, end < 0 ? length : end);
    },
    write: (writer, value) => {
      const bytes = Buffer.from(value, 'latin1').subarray(0, length - 1);
      for (let at = 0; at < length; at++) writer.uint(at < bytes.length ? bytes[at] : 0);
    },
  };
}

/** `char x<n>`: a count, then four bytes for each. The text has no NUL here; on the wire it may. */
export function chars(most: number): Xdr<string> {
  return {
    shape: `char<${most}>`,
    leastBytes: 4,
    read: (reader) => {
      const count = reader.count(most, 4, 'characters');
      const text = Buffer.from(Array.from({ length: count }, () => reader.uint() & 0xff)).toString('latin1');
      const end = text.indexOf('\0');
      return end < 0 ? text : text.slice(0, end);
    },
    write: (writer, value) => {
      const bytes = Buffer.from(`${value}\0`, 'latin1');
      if (bytes.length > most) throw broken(`${bytes.length} characters, at most ${most} are allowed`);
      writer.uint(bytes.length);
      for (const byte of bytes) writer.uint(byte);
    },
  };
}

type Fields = Readonly<Record<string, Xdr<unknown>>>;
type StructOf<F extends Fields> = { readonly [K in keyof F]: XdrValue<F[K]> };

/** Named fields, in the order of the object. */
export function struct<F extends Fields>(fields: F): Xdr<StructOf<F>> {
  const entries = Object.entries(fields);
  return {
    shape: `{${entries.map(([, type]) => type.shape).join(',')}}`,
    leastBytes: entries.reduce((sum, [, type]) => sum + type.leastBytes, 0),
    // The cast only says that every field was read by its own type.
    read: (reader) => Object.fromEntries(entries.map(([name, type]) => [name, type.read(reader)])) as StructOf<F>,
    write: (writer, value) => {
      for (const [name, type] of entries) type.write(writer, value[name]);
    },
  };
}

/** A whole payload. @throws ProtocolError `E_PROTOCOL_XDR` for one that is too short, too long or out of bounds */
export function decodeXdr<T>(type: Xdr<T>, payload: Buffer): T {
  const reader = new XdrReader(payload);
  const value = type.read(reader);
  reader.end();
  return value;
}

/** The payload of a value. @throws ProtocolError `E_PROTOCOL_XDR` if it does not fit the type */
export function encodeXdr<T>(type: Xdr<T>, value: T): Buffer {
  const writer = new XdrWriter();
  type.write(writer, value);
  return writer.finish();
}
