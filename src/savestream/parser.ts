import { InvariantError } from '../errors/errors.js';
import type { SaveStreamHandler, StreamRecord } from './handler.js';
import {
  decodeDomainHeader,
  decodeImageHeader,
  decodeLibxlHeader,
  type DomainHeader,
  type ImageHeader,
  type LibxlHeader,
} from './headers.js';
import {
  DOMAIN_HEADER_BYTES,
  IMAGE_HEADER_BYTES,
  LIBXL_HEADER_BYTES,
  LibxcRecord,
  LibxlRecord,
  MAX_LIBXC_BODY_BYTES,
  MAX_LIBXL_BODY_BYTES,
  MAX_PAGE_ENTRIES,
  PAGE_BYTES,
  PAGE_DATA_COUNT_BYTES,
  PAGE_ENTRY_BYTES,
  paddedLength,
  REC_TYPE_OPTIONAL,
  RECORD_HEADER_BYTES,
  recordName,
  type Layer,
} from './layout.js';
import { decodePageCount, PageEntries } from './page-data.js';
import { streamError, type Position } from './position.js';
import { checkHead, checkLength, HEAD_BYTES, type ImageFacts } from './record-checks.js';
import { checkLibxlOrder, RecordOrder, type LibxlTurn } from './record-order.js';
import { XenstoreDataCheck } from './xenstore-data.js';

export type { DomainHeader, ImageHeader, LibxlHeader, SaveStreamHandler, StreamRecord };

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

/** The largest piece that is gathered: the entries of a PAGE_DATA record. */
const GATHER_BYTES = Math.max(PAGE_ENTRY_BYTES * MAX_PAGE_ENTRIES, PAGE_BYTES);

/**
 * Reads a libxl stream (v2) and the libxc image (v2, v3) inside it, in chunks of any size. Holds at most one
 * page and a few KiB, whatever the stream contains. Checkpointed streams are followed as they alternate
 * between the layers.
 */
export class SaveStreamParser {
  readonly #handler: SaveStreamHandler;
  readonly #gather = Buffer.alloc(GATHER_BYTES);
  #gathered = 0;
  #state: State = 'libxl-header';
  /** Bytes that the state needs at once; for `body` and `padding` the bytes that remain. */
  #want = LIBXL_HEADER_BYTES;
  /** Bytes of the stream consumed so far. */
  #offset = 0;
  #littleEndian = true;
  #layer: Layer = 'libxl';
  #records = 0;
  #record: StreamRecord | undefined;
  #order: RecordOrder | undefined;
  #image: ImageHeader | undefined;
  #inCheckpoint = false;
  readonly #facts: ImageFacts = { guestWidth: 8 };
  #xenstoreData: XenstoreDataCheck | undefined;
  readonly #entries = new PageEntries();
  #pageCount = 0;
  #nextPage = 0;

  constructor(handler: SaveStreamHandler = {}) {
    this.#handler = handler;
  }

  /** Bytes consumed so far. */
  get offset(): number {
    return this.#offset;
  }

  /** True once libxl's END record was read: the stream is complete. */
  get isComplete(): boolean {
    return this.#state === 'done';
  }

  /**
   * Parses the next bytes, which remain the caller's. @throws StreamError `E_STREAM_*`; the parser must not be used
   * after that
   */
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

  /** Signals the end of the bytes. @throws StreamError `E_STREAM_TRUNCATED` unless the stream is complete */
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
    if (this.#state === 'pages') this.#page(bytes);
    else this.#takeFields(bytes);
    this.#offset += bytes.length;
    if (this.#state === 'record-header' && this.#record !== undefined) this.#endRecord();
  }

  #takeFields(bytes: Uint8Array): void {
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
      case 'body':
      case 'padding':
      case 'done':
        throw new InvariantError(`parser state ${this.#state} has no fields`);
    }
  }

  #takePiece(piece: Uint8Array): void {
    const record = this.#current();
    if (this.#state === 'body') this.#bodyBytes(record, piece);
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
    const header = decodeLibxlHeader(view, { offset: this.#offset, what: 'libxl header' });
    this.#littleEndian = !header.bigEndian;
    this.#handler.libxlHeader?.(header);
    this.#next('record-header', RECORD_HEADER_BYTES);
  }

  #imageHeader(view: DataView): void {
    const at: Position = { offset: this.#offset, what: 'image header' };
    const header = decodeImageHeader(view, at);
    if (header.bigEndian === this.#littleEndian)
      throw streamError('E_STREAM_FIELD', at, 'its byte order is not that of the libxl header');
    this.#image = header;
    this.#handler.imageHeader?.(header);
    this.#next('domain-header', DOMAIN_HEADER_BYTES);
  }

  #domainHeader(view: DataView): void {
    if (this.#image === undefined) throw new InvariantError('a domain header before its image header');
    const header = decodeDomainHeader(view, this.#littleEndian, { offset: this.#offset, what: 'domain header' });
    this.#order = new RecordOrder(this.#image.version, header.type);
    this.#handler.domainHeader?.(header);
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
    if (layer === 'libxl') checkLibxlOrder(type, this.#libxlTurn(), record);
    else this.#order?.check(type, optional, record);
    checkLength(layer, type, length, record);
    this.#record = record;
    this.#handler.record?.(record);
    if (layer === 'libxc' && type === LibxcRecord.PAGE_DATA) {
      this.#next('page-count', PAGE_DATA_COUNT_BYTES);
    } else if (length === 0) {
      this.#next('record-header', RECORD_HEADER_BYTES);
    } else {
      this.#next('head', Math.min(length, HEAD_BYTES));
    }
  }

  #libxlTurn(): LibxlTurn {
    if (this.#image === undefined) return 'before-image';
    if (this.#inCheckpoint) return 'checkpoint';
    return 'after-image';
  }

  #head(bytes: Uint8Array): void {
    const record = this.#current();
    checkHead(record.layer, record.type, bytes, record.length, this.#littleEndian, this.#facts, record);
    if (record.layer === 'libxl' && record.type === LibxlRecord.EMULATOR_XENSTORE_DATA) {
      this.#xenstoreData = new XenstoreDataCheck(record);
    }
    this.#bodyBytes(record, bytes);
    const left = record.length - bytes.length;
    if (left > 0) this.#next('body', left);
    else this.#afterBody(record);
  }

  #bodyBytes(record: StreamRecord, bytes: Uint8Array): void {
    this.#xenstoreData?.push(bytes);
    this.#handler.body?.(record, bytes);
  }

  #afterBody(record: StreamRecord): void {
    this.#xenstoreData?.end();
    this.#xenstoreData = undefined;
    const padding = paddedLength(record.length) - record.length;
    if (padding > 0) this.#next('padding', padding);
    else this.#next('record-header', RECORD_HEADER_BYTES);
  }

  #pageCountField(view: DataView): void {
    const record = this.#current();
    this.#pageCount = decodePageCount(view, this.#littleEndian, record.length, record);
    this.#next('page-entries', PAGE_ENTRY_BYTES * this.#pageCount);
  }

  #pageEntries(view: DataView): void {
    const record = this.#current();
    const entries = this.#entries;
    entries.decode(view, this.#littleEndian, this.#pageCount, record.length, record);
    this.#handler.pages?.(record, entries.pfns, entries.types, entries.count);
    this.#toPage(0);
  }

  #page(bytes: Uint8Array): void {
    const { pfns, types } = this.#entries;
    this.#handler.page?.(pfns[this.#nextPage], types[this.#nextPage], bytes);
    this.#toPage(this.#nextPage + 1);
  }

  /** Moves to the first page with contents at or after this entry. */
  #toPage(index: number): void {
    this.#nextPage = this.#entries.nextWithData(index);
    if (this.#nextPage < this.#entries.count) this.#next('pages', PAGE_BYTES);
    else this.#next('record-header', RECORD_HEADER_BYTES);
  }

  /** At the end of a record: decides which layer's record comes next. */
  #endRecord(): void {
    const record = this.#current();
    this.#record = undefined;
    this.#handler.recordEnd?.(record);
    if (record.layer === 'libxl') {
      if (record.type === LibxlRecord.LIBXC_CONTEXT) {
        this.#layer = 'libxc';
        this.#next('image-header', IMAGE_HEADER_BYTES);
      } else if (record.type === LibxlRecord.CHECKPOINT_END) {
        // The libxc layer continues with records; it does not repeat its headers.
        this.#inCheckpoint = false;
        this.#layer = 'libxc';
      } else if (record.type === LibxlRecord.END) {
        this.#state = 'done';
      }
    } else if (record.type === LibxcRecord.END) {
      this.#layer = 'libxl';
    } else if (record.type === LibxcRecord.CHECKPOINT) {
      this.#inCheckpoint = true;
      this.#layer = 'libxl';
    }
  }
}
