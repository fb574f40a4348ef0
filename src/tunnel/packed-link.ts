import { ProtocolError } from '../errors/errors.js';
import { FrameType, MAX_DATA_BYTES, type Frame } from './frame.js';
import type { LaneLink } from './lane-link.js';
import type { PeerIdentity } from './link.js';
import { unpackPayload, type Packer, type Unpacker } from './packing.js';

/** In front of a packed payload: its length when unpacked, a big-endian number. PROTOCOL.md, "The frame". */
const RAW_LENGTH_BYTES = 4;

/**
 * A lane whose DATA payloads are made smaller on their way out and brought back on their way in, each by
 * itself. Owns the link below. What packing costs is spent in the thread that calls.
 */
export class PackedLink implements LaneLink {
  /** @param packer undefined: nothing is packed; @param unpacker undefined: nothing packed is understood */
  constructor(
    private readonly link: LaneLink,
    private readonly packer: Packer | undefined,
    private readonly unpacker: Unpacker | undefined,
  ) {}

  get peer(): PeerIdentity {
    return this.link.peer;
  }

  get pendingBytes(): number {
    return this.link.pendingBytes;
  }

  get sentBytes(): number {
    return this.link.sentBytes;
  }

  get receivedBytes(): number {
    return this.link.receivedBytes;
  }

  send(frame: Frame): Promise<void> {
    return this.link.send(this.packer === undefined ? frame : packedFrame(frame, this.packer));
  }

  async receive(): Promise<Frame | undefined> {
    const frame = await this.link.receive();
    return frame?.packed === true ? unpackedFrame(frame, this.unpacker) : frame;
  }

  close(deadlineMs?: number): Promise<void> {
    return this.link.close(deadlineMs);
  }

  destroy(error?: Error): void {
    this.link.destroy(error);
  }
}

/** The frame with its payload packed, or as it is where that does not pay. */
export function packedFrame(frame: Frame, packer: Packer): Frame {
  if (frame.type !== FrameType.DATA) return frame;
  const packed = packer.pack(frame.payload);
  if (packed === undefined || packed.length + RAW_LENGTH_BYTES >= frame.payload.length) return frame;
  const payload = Buffer.allocUnsafe(RAW_LENGTH_BYTES + packed.length);
  payload.writeUInt32BE(frame.payload.length, 0);
  payload.set(packed, RAW_LENGTH_BYTES);
  return { ...frame, payload, packed: true };
}

/** The frame as it was before it was packed. @throws ProtocolError `E_PROTOCOL_PACKED` */
export function unpackedFrame(frame: Frame, unpacker: Unpacker | undefined): Frame {
  const { type, sequence, offset, payload } = frame;
  const view = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const rawBytes = view.length > RAW_LENGTH_BYTES ? view.readUInt32BE(0) : 0;
  if (unpacker === undefined || rawBytes < 1 || rawBytes > MAX_DATA_BYTES) {
    const problem = unpacker === undefined ? 'nothing packed was agreed on' : `it says ${rawBytes} bytes`;
    throw new ProtocolError(
      'E_PROTOCOL_PACKED',
      `DATA frame ${sequence}: its packed payload cannot be read: ${problem}`,
      {
        hint: 'The far end breaks the protocol: compare the versions of xenferry on both hosts.',
        data: { sequence, packedBytes: payload.length, rawBytes },
      },
    );
  }
  return {
    type,
    sequence,
    offset,
    payload: unpackPayload(unpacker, view.subarray(RAW_LENGTH_BYTES), rawBytes, sequence),
  };
}
