import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { InvariantError } from '../errors/errors.js';
import { MAX_BACK, type BatchEncoder, type BatchEncoderOptions, type EncoderCounts } from './batch-encoder.js';
import type { EncoderMemory } from './encoder-memory.js';

/** What assembly/encoder.ts exports. */
interface Exports {
  workBytes(): number;
  init(work: number, references: number, findPages: boolean): void;
  begin(slotAt: number): void;
  encode(from: number, to: number): number;
  encodePart(from: number, to: number): number;
  finish(): number;
  isFull(): number;
  rawBytes(): number;
  atEnd(): number;
  zeroRunsAt(): number;
  zeroRunsFound(): number;
  count(which: number): number;
}

let loaded: WebAssembly.Module | 'missing' | undefined;

/** The compiled encoder; undefined where this Node has no WebAssembly with SIMD and threads. */
export function wasmEncoderModule(): WebAssembly.Module | undefined {
  loaded ??= load();
  return loaded === 'missing' ? undefined : loaded;
}

function load(): WebAssembly.Module | 'missing' {
  if (typeof WebAssembly === 'undefined') return 'missing';
  const bytes = readFileSync(modulePath());
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : 'missing';
}

/** The file next to this module; where this module runs from its source (in a test), that of the last build. */
function modulePath(): URL {
  const built = new URL('./encoder.wasm', import.meta.url);
  if (!import.meta.url.endsWith('.ts')) return built;
  const path = fileURLToPath(built);
  const at = path.lastIndexOf('/src/');
  return pathToFileURL(`${path.slice(0, at)}/dist/${path.slice(at + '/src/'.length)}`);
}

/** The encoder in WebAssembly: 16 bytes at a time, and fast from its first call on. */
export class WasmBatchEncoder implements BatchEncoder {
  readonly #exports: Exports;

  /** @param memory that no other encoder works in at the same time */
  constructor(
    module: WebAssembly.Module,
    private readonly memory: EncoderMemory,
    { references, findPages }: BatchEncoderOptions,
  ) {
    if (!(references >= 0 && references <= MAX_BACK)) throw new InvariantError(`references over ${references} batches`);
    if (memory.wasm === undefined) throw new InvariantError('no memory for WebAssembly');
    // The module is part of this package, built with it.
    this.#exports = new WebAssembly.Instance(module, { env: { memory: memory.wasm } }).exports as unknown as Exports;
    if (this.#exports.workBytes() > memory.workBytes) throw new InvariantError('the encoder needs more memory');
    this.#exports.init(memory.workAt, references, findPages);
  }

  get full(): boolean {
    return this.#exports.isFull() !== 0;
  }

  get rawBytes(): number {
    return this.#exports.rawBytes();
  }

  get atEnd(): boolean {
    return this.#exports.atEnd() !== 0;
  }

  get zeroRuns(): Int32Array {
    return new Int32Array(this.memory.buffer, this.#exports.zeroRunsAt(), 2 * this.#exports.zeroRunsFound());
  }

  get counts(): EncoderCounts {
    const of = (which: number): number => this.#exports.count(which);
    return {
      rawBytes: of(0),
      zeroBytes: of(1),
      copiedBytes: of(2),
      deltaBytes: of(3),
      deltaWireBytes: of(4),
      dataBytes: of(5),
    };
  }

  begin(slotAt: number): void {
    this.#exports.begin(slotAt);
  }

  encode(from: number, to: number): number {
    return this.#exports.encode(from, to);
  }

  encodePart(from: number, to: number): number {
    return this.#exports.encodePart(from, to);
  }

  finish(): number {
    return this.#exports.finish();
  }
}
