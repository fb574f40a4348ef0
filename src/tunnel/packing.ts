import { InvariantError, ProtocolError } from '../errors/errors.js';

/** What can be told to another thread, and to the far end, as it is. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/**
 * Makes payloads smaller. Lives in one lane's thread and sees only the frames that go over this lane,
 * one call after the other: every result must be understandable by itself, without any frame before it.
 * May block its thread for as long as a frame takes.
 */
export interface Packer {
  /**
   * The payload in fewer bytes, or undefined where that does not pay: then it is sent as it is.
   * The result belongs to the caller.
   * @param raw one payload, at most 4 MiB; must not be changed or kept
   */
  pack(raw: Uint8Array): Uint8Array | undefined;
}

/** The other direction. What it is given comes from the network: damaged or hostile bytes end in an error. */
export interface Unpacker {
  /**
   * The payload as it was; belongs to the caller. Throws where the bytes do not come to exactly
   * `rawBytes`, and never makes room for more than that.
   * @param packed must not be changed or kept
   * @param rawBytes what the frame says the payload's length was: 1 byte to 4 MiB, checked before the call
   */
  unpack(packed: Uint8Array, rawBytes: number): Uint8Array;
}

/** What a packer module exports. */
export interface PackerModule {
  makePacker(options: JsonValue): Packer;
  makeUnpacker(options: JsonValue): Unpacker;
}

/** Which packing a transfer uses: named by the layer above, so that the tunnel does not know what it carries. */
export interface Packing {
  /** File URL of a packer module. Never from the network. */
  readonly module: string;
  readonly options: JsonValue;
}

/** Loads the packer module. @throws InvariantError where it is none */
export async function loadPackerModule(packing: Packing): Promise<PackerModule> {
  const loaded: unknown = await import(packing.module);
  if (!isPackerModule(loaded)) {
    throw new InvariantError(`${packing.module} does not export makePacker and makeUnpacker`);
  }
  return loaded;
}

/** Unpacks one payload and makes sure of its length. @throws ProtocolError `E_PROTOCOL_PACKED` naming the frame */
export function unpackPayload(unpacker: Unpacker, packed: Uint8Array, rawBytes: number, sequence: number): Uint8Array {
  let raw: Uint8Array;
  try {
    raw = unpacker.unpack(packed, rawBytes);
  } catch (error) {
    throw new ProtocolError('E_PROTOCOL_PACKED', `DATA frame ${sequence}: its packed payload cannot be read`, {
      cause: error,
      hint: 'Something changed the bytes, or the far end breaks the protocol: compare the versions of xenferry on both hosts.',
      data: { sequence, packedBytes: packed.length, rawBytes },
    });
  }
  if (raw.length === rawBytes) return raw;
  throw new InvariantError(`an unpacker gave ${raw.length} bytes for ${rawBytes}`);
}

function isPackerModule(value: unknown): value is PackerModule {
  return (
    typeof value === 'object' &&
    value !== null &&
    'makePacker' in value &&
    typeof value.makePacker === 'function' &&
    'makeUnpacker' in value &&
    typeof value.makeUnpacker === 'function'
  );
}
