import { decodeDomainHeader, decodeImageHeader, decodeLibxlHeader, type DomainHeader } from './headers.js';
import {
  DOMAIN_HEADER_BYTES,
  IMAGE_HEADER_BYTES,
  LIBXL_HEADER_BYTES,
  LibxlRecord,
  RECORD_HEADER_BYTES,
} from './layout.js';

/** What a stream begins with: libxl's header, its record LIBXC_CONTEXT without a body, libxc's two headers. */
export const STREAM_HEAD_BYTES = LIBXL_HEADER_BYTES + RECORD_HEADER_BYTES + IMAGE_HEADER_BYTES + DOMAIN_HEADER_BYTES;

/** The Xen that wrote a stream, `4.20`, and the kind of guest in it. */
export interface StreamOrigin {
  readonly xen: string;
  readonly type: DomainHeader['type'];
}

/** Reads the origin from the first bytes of a stream; undefined where they are not those of one: the restore will say why. */
export function streamOrigin(head: Uint8Array): StreamOrigin | undefined {
  if (head.length < STREAM_HEAD_BYTES) return undefined;
  const view = (offset: number, length: number): DataView =>
    new DataView(head.buffer, head.byteOffset + offset, length);
  try {
    const { bigEndian } = decodeLibxlHeader(view(0, LIBXL_HEADER_BYTES), { offset: 0, what: 'libxl header' });
    if (view(LIBXL_HEADER_BYTES, RECORD_HEADER_BYTES).getUint32(0, !bigEndian) !== LibxlRecord.LIBXC_CONTEXT) {
      return undefined;
    }
    let offset = LIBXL_HEADER_BYTES + RECORD_HEADER_BYTES;
    const image = decodeImageHeader(view(offset, IMAGE_HEADER_BYTES), { offset, what: 'image header' });
    offset += IMAGE_HEADER_BYTES;
    const at = { offset, what: 'domain header' };
    const { type, xenMajor, xenMinor } = decodeDomainHeader(view(offset, DOMAIN_HEADER_BYTES), !image.bigEndian, at);
    return { xen: `${xenMajor}.${xenMinor}`, type };
  } catch {
    return undefined;
  }
}
