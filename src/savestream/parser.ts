import { InvariantError } from '../errors/errors.js';
import {
  DOMAIN_HEADER_BYTES,
  DOMAIN_TYPES,
  hasPageData,
  IMAGE_HEADER_BYTES,
  IMAGE_IDENT,
  IMAGE_MARKER,
  IMAGE_OPT_BIG_ENDIAN,
  IMAGE_VERSIONS,
  isPageType,
  LIBXL_HEADER_BYTES,
  LIBXL_IDENT,
  LIBXL_OPT_BIG_ENDIAN,
  LIBXL_OPT_LEGACY,
  LIBXL_VERSION,
  LibxcRecord,
  LibxlRecord,
  MAX_LIBXC_BODY_BYTES,
  MAX_LIBXL_BODY_BYTES,
  MAX_PAGE_ENTRIES,
  PAGE_BYTES,
  PAGE_SHIFT,
  paddedLength,
  REC_TYPE_OPTIONAL,
  RECORD_HEADER_BYTES,
  recordName,
  type Layer,
  type StreamDomainType,
} from './layout.js';
import { streamError, type Position } from './position.js';
import { checkHead, checkLength, HEAD_BYTES } from './record-checks.js';
import { RecordOrder } from './record-order.js';

export interface LibxlHeader {
  readonly version: number;
  readonly bigEndian: boolean;
  readonly legacy: boolean;
}

export interface ImageHeader {
  readonly version: number;
  readonly bigEndian: boolean;
}

export interface DomainHeader {
  readonly type: StreamDomainType;
  readonly xenMajor: number;
  readonly xenMinor: number;
}

/** One record, as its header announces it. */
export interface StreamRecord extends Position {
  readonly layer: Layer;
  /** Counted over both layers, from 0. */
  readonly index: number;
  readonly type: number;
  /** The specification's name, or `0x80000007` for an optional one that has none. */
  readonly name: string;
  /** Of the body, without padding. */
  readonly length: number;
}

/**
 * What the parser says, in stream order. All calls are synchronous; every `bytes` is a view that is
 * valid during the call only. Whatever a handler throws comes out of `push`.
 */
export interface SaveStreamHandler {
  libxlHeader?(header: LibxlHeader): void;
  imageHeader?(header: ImageHeader): void;
  domainHeader?(header: DomainHeader): void;
  /** A record begins; its body follows, in as many pieces as it comes. */
  record?(record: StreamRecord): void;
  /** Body bytes of any record but PAGE_DATA. */
  body?(record: StreamRecord, bytes: Uint8Array): void;
  /** The entries of a PAGE_DATA record. The arrays are used again for the next one. */
  pages?(record: StreamRecord, pfns: Float64Array, types: Uint8Array, count: number): void;
  /** A page with content: PAGE_BYTES of it. */
  page?(pfn: number, type: number, bytes: Uint8Array): void;
  recordEnd?(record: StreamRecord): void;
}

type State =
  | 'libxl-header'
  | 'image-header'
  | 'domain-header'
  | 'record-header'
  | 'head'
  | 'body'
  | 'page-count'
  | 'page-entries'
  | 'pages'
  | 'padding'
  | 'done';

/** The most that is ever gathered: the entries of a PAGE_DATA record. */
const GATHER_BYTES = 8 * MAX_PAGE_ENTRIES;

/**
 * Reads a libxl stream (v2) and the libxc image (v2, v3) inside it, in any chunks. Holds at most one
 * page and a few KiB, whatever the stream says. Checkpointed streams are followed through their turns
 * between the layers.
 */
export class SaveStreamParser {
  readonly #handler: SaveStreamHandler;
  readonly #gather = Buffer.alloc(Math.max(GATHER_BYTES, PAGE_BYTES));
  #gathered = 0;
  #state: State = 'libxl-header';
  /** Bytes that the state needs at once; for `body` and `padding` those that are left of it. */
  #want = LIBXL_HEADER_BYTES;
  /** Bytes of the stream taken so far. */
  #offset = 0;
  #littleEndian = true;
  #layer: Layer = 'libxl';
  #records = 0;
  #record: StreamRecord | undefined;
  #order: RecordOrder | undefined;
  #image: ImageHeader | undefined;
  #imageEnded = false;
  #inCheckpoint = false;
  readonly #pfns = new Float64Array(MAX_PAGE_ENTRIES);
  readonly #types = new Uint8Array(MAX_PAGE_ENTRIES);
  #pageCount = 0;
  #nextPage = 0;

  constructor(handler: SaveStreamHandler = {}) {
    this.#handler = handler;
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#offset;
  }

  /** True once libxl's END record was read: the stream is complete. */
  get isComplete(): boolean {
    return this.#state === 'done';
  }

  /** Takes the next bytes. @throws StreamError `E_STREAM_*`; the parser must not be used after that */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'done') {
        throw streamError(
          'E_STREAM_TRAILING',
          { offset: this.#offset, what: 'end of stream' },
          'bytes follow the END record',
        );
      }
      if (this.#state === 'body' || this.#state === 'padding') {
        const piece = chunk.subarray(at, at + Math.min(this.#want, chunk.length - at));
        at += piece.length;
        this.#takePiece(piece);
        continue;
      }
      if (this.#gathered === 0 && chunk.length - at >= this.#want) {
        const whole = chunk.subarray(at, at + this.#want);
        at += whole.length;
        this.#take(whole);
        continue;
      }
      const part = Math.min(this.#want - this.#gathered, chunk.length - at);
      this.#gather.set(chunk.subarray(at, at + part), this.#gathered);
      this.#gathered += part;
      at += part;
      if (this.#gathered === this.#want) {
        this.#gathered = 0;
        this.#take(this.#gather.subarray(0, this.#want));
      }
    }
  }

  /** Says that no more bytes come. @throws StreamError `E_STREAM_TRUNCATED` unless the stream is complete */
  end(): void {
    if (this.#state === 'done') return;
    const at = this.#offset + this.#gathered;
    throw streamError(
      'E_STREAM_TRUNCATED',
      this.#position(),
      `the stream ends at offset 0x${at.toString(16)}, before its END record`,
    );
  }

  #position(): Position {
    if (this.#record !== undefined) return this.#record;
    const what = this.#state === 'record-header' ? `record ${this.#records}` : this.#state.replace('-', ' ');
    return { offset: this.#offset, what };
  }

  #next(state: State, want: number): void {
    this.#state = state;
    this.#want = want;
  }

  #take(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    switch (this.#state) {
      case 'libxl-header':
        this.#libxlHeader(view);
        break;
      case 'image-header':
        this.#imageHeader(view);
        break;
      case 'domain-header':
        this.#domainHeader(view);
        break;
      case 'record-header':
        this.#recordHeader(view);
        break;
      case 'head':
        this.#head(bytes);
        break;
      case 'page-count':
        this.#pageCountField(view);
        break;
      case 'page-entries':
        this.#pageEntries(view);
        break;
      case 'pages':
        this.#page(bytes);
        break;
      case 'body':
      case 'padding':
      case 'done':
        throw new InvariantError(`parser state ${this.#state} does not gather`);
    }
    this.#offset += bytes.length;
    if (this.#state === 'record-header' && this.#record !== undefined) this.#endRecord();
  }

  #takePiece(piece: Uint8Array): void {
    const record = this.#current();
    if (this.#state === 'body') this.#handler.body?.(record, piece);
    else if (piece.some((byte) => byte !== 0)) throw streamError('E_STREAM_PADDING', record, 'padding is not zero');
    this.#offset += piece.length;
    this.#want -= piece.length;
    if (this.#want > 0) return;
    if (this.#state === 'body') this.#afterBody(record);
    else this.#next('record-header', RECORD_HEADER_BYTES);
    if (this.#state === 'record-header') this.#endRecord();
  }

  #current(): StreamRecord {
    if (this.#record === undefined) throw new InvariantError('no record is being read');
    return this.#record;
  }

  #libxlHeader(view: DataView): void {
    const at: Position = { offset: 0, what: 'libxl header' };
    if (view.getBigUint64(0) !== LIBXL_IDENT) throw streamError('E_STREAM_IDENT', at, 'this is no libxl save stream');
    const version = view.getUint32(8);
    if (version !== LIBXL_VERSION)
      throw streamError('E_STREAM_VERSION', at, `version ${version}, expected ${LIBXL_VERSION}`);
    const options = view.getUint32(12);
    const reserved = options & ~(LIBXL_OPT_BIG_ENDIAN | LIBXL_OPT_LEGACY);
    if (reserved !== 0)
      throw streamError('E_STREAM_RESERVED', at, `reserved options 0x${(reserved >>> 0).toString(16)} are set`);
    const bigEndian = (options & LIBXL_OPT_BIG_ENDIAN) !== 0;
    this.#littleEndian = !bigEndian;
    this.#handler.libxlHeader?.({ version, bigEndian, legacy: (options & LIBXL_OPT_LEGACY) !== 0 });
    this.#next('record-header', RECORD_HEADER_BYTES);
  }

  #imageHeader(view: DataView): void {
    const at: Position = { offset: this.#offset, what: 'image header' };
    if (view.getBigUint64(0) !== IMAGE_MARKER) throw streamError('E_STREAM_IDENT', at, 'the marker is wrong');
    if (view.getUint32(8) !== IMAGE_IDENT) throw streamError('E_STREAM_IDENT', at, 'this is no libxc image');
    const version = view.getUint32(12);
    if (!IMAGE_VERSIONS.includes(version)) {
      throw streamError('E_STREAM_VERSION', at, `version ${version}, expected ${IMAGE_VERSIONS.join(' or ')}`);
    }
    const options = view.getUint16(16);
    if ((options & ~IMAGE_OPT_BIG_ENDIAN) !== 0) {
      throw streamError(
        'E_STREAM_RESERVED',
        at,
        `reserved options 0x${(options & ~IMAGE_OPT_BIG_ENDIAN).toString(16)} are set`,
      );
    }
    if (view.getUint16(18) !== 0 || view.getUint32(20) !== 0) {
      throw streamError('E_STREAM_RESERVED', at, 'reserved fields are not zero');
    }
    const bigEndian = (options & IMAGE_OPT_BIG_ENDIAN) !== 0;
    if (bigEndian === this.#littleEndian)
      throw streamError('E_STREAM_FIELD', at, 'its byte order is not that of the libxl header');
    this.#image = { version, bigEndian };
    this.#handler.imageHeader?.(this.#image);
    this.#next('domain-header', DOMAIN_HEADER_BYTES);
  }

  #domainHeader(view: DataView): void {
    const at: Position = { offset: this.#offset, what: 'domain header' };
    const le = this.#littleEndian;
    const number = view.getUint32(0, le);
    const type =
      number === DOMAIN_TYPES['x86-pv'] ? 'x86-pv' : number === DOMAIN_TYPES['x86-hvm'] ? 'x86-hvm' : undefined;
    if (type === undefined)
      throw streamError('E_STREAM_FIELD', at, `domain type 0x${number.toString(16)} is not known`);
    const shift = view.getUint16(4, le);
    if (shift !== PAGE_SHIFT) throw streamError('E_STREAM_FIELD', at, `page shift ${shift}, expected ${PAGE_SHIFT}`);
    if (view.getUint16(6, le) !== 0) throw streamError('E_STREAM_RESERVED', at, 'reserved field is not zero');
    this.#order = new RecordOrder(this.#image?.version ?? 0, type);
    this.#handler.domainHeader?.({ type, xenMajor: view.getUint32(8, le), xenMinor: view.getUint32(12, le) });
    this.#next('record-header', RECORD_HEADER_BYTES);
  }

  #recordHeader(view: DataView): void {
    const type = view.getUint32(0, this.#littleEndian);
    const length = view.getUint32(4, this.#littleEndian);
    const layer = this.#layer;
    const known = recordName(layer, type);
    const optional = type >= REC_TYPE_OPTIONAL;
    const name = known ?? `0x${type.toString(16)}`;
    const record: StreamRecord = {
      offset: this.#offset,
      what: `record ${this.#records} ${name}`,
      layer,
      index: this.#records,
      type,
      name,
      length,
    };
    this.#records += 1;
    if (known === undefined && !optional)
      throw streamError('E_STREAM_RECORD', record, 'mandatory record of an unknown type');
    const limit = layer === 'libxl' ? MAX_LIBXL_BODY_BYTES : MAX_LIBXC_BODY_BYTES;
    if (length > limit) throw streamError('E_STREAM_LENGTH', record, `length ${length} over the limit ${limit}`);
    if (layer === 'libxl') this.#checkLibxlOrder(record);
    else this.#order?.check(type, optional, record);
    checkLength(layer, type, length, record);
    this.#record = record;
    this.#handler.record?.(record);
    if (layer === 'libxc' && type === LibxcRecord.PAGE_DATA) {
      if (length < 16) throw streamError('E_STREAM_LENGTH', record, `length ${length} under the minimum 16`);
      this.#next('page-count', 8);
    } else if (length === 0) {
      this.#next('record-header', RECORD_HEADER_BYTES);
    } else {
      this.#next('head', Math.min(length, HEAD_BYTES));
    }
  }

  #checkLibxlOrder(record: StreamRecord): void {
    const fail = (why: string): never => {
      throw streamError('E_STREAM_ORDER', record, why);
    };
    const context = this.#image !== undefined;
    switch (record.type) {
      case LibxlRecord.LIBXC_CONTEXT:
        if (context) fail('comes twice');
        return;
      case LibxlRecord.CHECKPOINT_END:
        if (!this.#inCheckpoint) fail('comes outside a checkpoint');
        return;
      case LibxlRecord.END:
        if (!this.#imageEnded) fail(context ? 'comes inside a checkpoint' : 'comes before LIBXC_CONTEXT');
        return;
      default:
        if (!context && record.type < REC_TYPE_OPTIONAL) fail('comes before LIBXC_CONTEXT');
    }
  }

  #head(bytes: Uint8Array): void {
    const record = this.#current();
    checkHead(record.layer, record.type, bytes, record.length, this.#littleEndian, record);
    this.#handler.body?.(record, bytes);
    const left = record.length - bytes.length;
    if (left > 0) this.#next('body', left);
    else this.#afterBody(record);
  }

  #afterBody(record: StreamRecord): void {
    const padding = paddedLength(record.length) - record.length;
    if (padding > 0) this.#next('padding', padding);
    else this.#next('record-header', RECORD_HEADER_BYTES);
  }

  #pageCountField(view: DataView): void {
    const record = this.#current();
    const count = view.getUint32(0, this.#littleEndian);
    if (count === 0) throw streamError('E_STREAM_COUNT', record, 'count is 0');
    if (count > MAX_PAGE_ENTRIES)
      throw streamError('E_STREAM_COUNT', record, `count ${count} over the limit ${MAX_PAGE_ENTRIES}`);
    if (view.getUint32(4, this.#littleEndian) !== 0)
      throw streamError('E_STREAM_RESERVED', record, 'reserved field is not zero');
    if (8 + 8 * count > record.length)
      throw streamError('E_STREAM_LENGTH', record, `length ${record.length} is too short for ${count} entries`);
    this.#pageCount = count;
    this.#next('page-entries', 8 * count);
  }

  #pageEntries(view: DataView): void {
    const record = this.#current();
    const le = this.#littleEndian;
    let pages = 0;
    for (let index = 0; index < this.#pageCount; index += 1) {
      const low = view.getUint32(index * 8 + (le ? 0 : 4), le);
      const high = view.getUint32(index * 8 + (le ? 4 : 0), le);
      const type = high >>> 28;
      if ((high & 0x0ff0_0000) !== 0)
        throw streamError('E_STREAM_RESERVED', record, `reserved bits of entry ${index} are set`);
      if (!isPageType(type))
        throw streamError('E_STREAM_PAGE_TYPE', record, `entry ${index} has page type 0x${type.toString(16)}`);
      this.#pfns[index] = (high & 0x000f_ffff) * 0x1_0000_0000 + low;
      this.#types[index] = type;
      if (hasPageData(type)) pages += 1;
    }
    const expected = 8 + 8 * this.#pageCount + pages * PAGE_BYTES;
    if (record.length !== expected) {
      throw streamError(
        'E_STREAM_LENGTH',
        record,
        `length ${record.length}, but ${this.#pageCount} entries with ${pages} pages need ${expected}`,
      );
    }
    this.#handler.pages?.(record, this.#pfns, this.#types, this.#pageCount);
    this.#nextPage = 0;
    this.#toNextPage();
  }

  #toNextPage(): void {
    while (this.#nextPage < this.#pageCount && !hasPageData(this.#types[this.#nextPage])) this.#nextPage += 1;
    if (this.#nextPage < this.#pageCount) this.#next('pages', PAGE_BYTES);
    else this.#next('record-header', RECORD_HEADER_BYTES);
  }

  #page(bytes: Uint8Array): void {
    this.#handler.page?.(this.#pfns[this.#nextPage], this.#types[this.#nextPage], bytes);
    this.#nextPage += 1;
    this.#toNextPage();
  }

  /** A record is over: whose turn is it now? */
  #endRecord(): void {
    const record = this.#current();
    this.#record = undefined;
    this.#handler.recordEnd?.(record);
    if (record.layer === 'libxl') {
      if (record.type === LibxlRecord.LIBXC_CONTEXT) {
        this.#layer = 'libxc';
        this.#next('image-header', IMAGE_HEADER_BYTES);
      } else if (record.type === LibxlRecord.CHECKPOINT_END) {
        // libxc goes on with its records; it does not say its headers again.
        this.#inCheckpoint = false;
        this.#layer = 'libxc';
      } else if (record.type === LibxlRecord.END) {
        this.#state = 'done';
      }
    } else if (record.type === LibxcRecord.END) {
      this.#imageEnded = true;
      this.#layer = 'libxl';
    } else if (record.type === LibxcRecord.CHECKPOINT) {
      this.#inCheckpoint = true;
      this.#layer = 'libxl';
    }
  }
}
