import { withoutTrailingNuls } from '../buffers/trailing-nuls.js';
import { StreamError } from '../errors/errors.js';

/*
 * The head of a save file as xl writes it: 32 bytes of magic, four 32-bit words in the host's byte
 * order, then "optional data", which holds the domain's configuration: a 32-bit length and its text.
 * xenferry's own go on with what it keeps in addition (`src/domain/annotations.ts`), again a length and a text, which xl ignores.
 * libxl's save stream follows. Source: Xen, tools/xl/xl.h `struct save_file_header` and
 * tools/xl/xl_saverestore.c.
 */

const MAGIC = Buffer.from('Xen saved domain, xl format\n \0 \r', 'latin1');
const BYTE_ORDER = 0x01020304;
/** XL_MANDATORY_FLAG_JSON: the configuration is libxl's JSON, not xl.cfg text. */
const FLAG_JSON = 1 << 0;
/** XL_MANDATORY_FLAG_STREAMv2: what follows is a libxl stream of version 2. */
const FLAG_STREAM_V2 = 1 << 1;
/** Ours: the configuration is domain XML. xl refuses mandatory flags that it does not know, as intended. */
const FLAG_DOMAIN_XML = 1 << 16;

/** Magic, byte order, mandatory flags, optional flags, length of the optional data. */
export const XL_HEADER_BYTES = MAGIC.length + 16;
/** More than any configuration; bounds what is read before the stream. */
const MAX_OPTIONAL_BYTES = 4 * 1024 * 1024;

/** The domain's configuration in a save file, by its language. */
export interface SavedConfig {
  readonly format: 'libxl-json' | 'domain-xml';
  readonly text: string;
  /** Title, description and metadata, where the configuration has no place for them. */
  readonly annotations?: string | undefined;
}

/** The bytes of a save file before the stream. */
export function encodeXlHead(config: SavedConfig): Uint8Array {
  const text = Buffer.from(`${config.text}\0`, 'utf8');
  const head = Buffer.alloc(XL_HEADER_BYTES + 4);
  MAGIC.copy(head);
  const flags = FLAG_STREAM_V2 | (config.format === 'libxl-json' ? FLAG_JSON : FLAG_DOMAIN_XML);
  head.writeUInt32LE(BYTE_ORDER, 32);
  head.writeUInt32LE(flags, 36);
  head.writeUInt32LE(0, 40);
  const more = config.annotations === undefined ? [] : lengthAndText(Buffer.from(config.annotations, 'utf8'));
  const moreBytes = more.reduce((sum, { length }) => sum + length, 0);
  head.writeUInt32LE(4 + text.length + moreBytes, 44);
  head.writeUInt32LE(text.length, 48);
  return Buffer.concat([head, text, ...more]);
}

function lengthAndText(text: Buffer): Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return [length, text];
}

/** What the fixed part specifies about the rest. @throws StreamError `E_STREAM_SAVE_FILE` */
export function decodeXlHeader(header: Uint8Array): {
  readonly format: SavedConfig['format'];
  readonly optionalBytes: number;
} {
  const view = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
  if (view.length < XL_HEADER_BYTES || !view.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw bad('it does not begin with the magic of an xl save file');
  }
  if (view.readUInt32LE(32) !== BYTE_ORDER) throw bad('it was written by a host of the other byte order');
  const flags = view.readUInt32LE(36);
  const unknown = flags & ~(FLAG_JSON | FLAG_STREAM_V2 | FLAG_DOMAIN_XML);
  if (unknown !== 0) throw bad(`mandatory flags 0x${(unknown >>> 0).toString(16)} are not known here`);
  if ((flags & FLAG_STREAM_V2) === 0) throw bad('its stream is of version 1, from before Xen 4.6');
  const xml = (flags & FLAG_DOMAIN_XML) !== 0;
  if (!xml && (flags & FLAG_JSON) === 0) throw bad('its configuration is xl.cfg text, from before Xen 4.5');
  const optionalBytes = view.readUInt32LE(44);
  if (optionalBytes < 5 || optionalBytes > MAX_OPTIONAL_BYTES) {
    throw bad(`optional data length ${optionalBytes} is outside 5 to ${MAX_OPTIONAL_BYTES}`);
  }
  return { format: xml ? 'domain-xml' : 'libxl-json', optionalBytes };
}

/** The configuration inside the optional data. @throws StreamError `E_STREAM_SAVE_FILE` */
export function decodeXlConfig(format: SavedConfig['format'], optional: Uint8Array): SavedConfig {
  const view = Buffer.from(optional.buffer, optional.byteOffset, optional.byteLength);
  const length = view.readUInt32LE(0);
  if (length > view.length - 4)
    throw bad(`configuration length ${length} exceeds the ${view.length - 4} bytes present`);
  const text = withoutTrailingNuls(view.subarray(4, 4 + length).toString('utf8'));
  const annotations = annotationsIn(view.subarray(4 + length));
  return { format, text, ...(annotations === undefined ? {} : { annotations }) };
}

/** Another program may have put anything there: what is not a length and so much text is not ours. */
function annotationsIn(rest: Buffer): string | undefined {
  if (rest.length <= 4 || rest.readUInt32LE(0) !== rest.length - 4) return undefined;
  const text = rest.subarray(4).toString('utf8');
  return text.startsWith('<annotations') ? text : undefined;
}

function bad(why: string): StreamError {
  return new StreamError('E_STREAM_SAVE_FILE', `not a save file that can be restored: ${why}`, {
    hint: 'Use a file written by `xenferry save` or `xl save`, or give --xml with a bare libxl stream.',
  });
}
