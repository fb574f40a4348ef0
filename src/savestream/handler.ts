import type { DomainHeader, ImageHeader, LibxlHeader } from './headers.js';
import type { Layer } from './layout.js';
import type { Position } from './position.js';

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
 * Receives what the parser reads, in stream order. All calls are synchronous; every `bytes` is a view that is
 * valid during the call only. Exceptions of a handler propagate out of `push`.
 */
export interface SaveStreamHandler {
  libxlHeader?(header: LibxlHeader): void;
  imageHeader?(header: ImageHeader): void;
  domainHeader?(header: DomainHeader): void;
  /** A record begins; its body follows, in as many pieces as it arrives. */
  record?(record: StreamRecord): void;
  /** Body bytes of any record except PAGE_DATA. */
  body?(record: StreamRecord, bytes: Uint8Array): void;
  /** The entries of a PAGE_DATA record. The arrays are used again for the next one. */
  pages?(record: StreamRecord, pfns: Float64Array, types: Uint8Array, count: number): void;
  /** A page with content: PAGE_BYTES of it. */
  page?(pfn: number, type: number, bytes: Uint8Array): void;
  recordEnd?(record: StreamRecord): void;
}
