import type { StreamRecord } from './handler.js';
import { recordName, type Layer } from './layout.js';

/** Number and size of the records of one type. */
export interface RecordCount {
  readonly layer: Layer;
  readonly type: number;
  readonly name: string;
  readonly count: number;
  /** Bytes of the bodies, without headers and padding. */
  readonly bytes: number;
}

/** Optional records may have any of two thousand million types: the number that is counted by name is bounded. */
const MAX_UNNAMED_KINDS = 256;
/** Represents all further optional types of a layer; no record of either layer can have this type. */
const OTHER_TYPE = -1;

type Tally = { -readonly [Key in keyof RecordCount]: RecordCount[Key] };

/** Counts the records of a stream by layer and type, in the order of their first occurrence. */
export class RecordCounts {
  readonly #kinds = new Map<string, Tally>();
  #unnamed = 0;

  add({ layer, type, name, length }: StreamRecord): void {
    let kind = this.#kinds.get(`${layer} ${type}`);
    if (kind === undefined && recordName(layer, type) === undefined) {
      if (this.#unnamed < MAX_UNNAMED_KINDS) this.#unnamed += 1;
      else kind = this.#kind(layer, OTHER_TYPE, 'other optional records');
    }
    kind ??= this.#kind(layer, type, name);
    kind.count += 1;
    kind.bytes += length;
  }

  list(): RecordCount[] {
    return [...this.#kinds.values()].map((kind) => ({ ...kind }));
  }

  #kind(layer: Layer, type: number, name: string): Tally {
    const key = `${layer} ${type}`;
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      kind = { layer, type, name, count: 0, bytes: 0 };
      this.#kinds.set(key, kind);
    }
    return kind;
  }
}
