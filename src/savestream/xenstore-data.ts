import { EMULATOR_HEADER_BYTES } from './layout.js';
import { streamError, type Position } from './position.js';

const SLASH = 0x2f;

/**
 * Checks the body of EMULATOR_XENSTORE_DATA as it arrives, in pieces of any size: pairs of NUL-terminated key and
 * value, keys relative and not empty. Specification, "EMULATOR_XENSTORE_DATA"; libxl's restore
 * (libxl__restore_emulator_xenstore_data) requires the same. Xen 4.17's verifier intends to, but under
 * Python 3 it compares a byte with a string and refuses every record that has data.
 */
export class XenstoreDataCheck {
  #header = EMULATOR_HEADER_BYTES;
  #inKey = true;
  #atStart = true;

  constructor(private readonly at: Position) {}

  /** Checks the next piece of the body. @throws StreamError `E_STREAM_FIELD` */
  push(bytes: Uint8Array): void {
    const skipped = Math.min(this.#header, bytes.length);
    this.#header -= skipped;
    for (let index = skipped; index < bytes.length; index += 1) {
      const byte = bytes[index];
      if (this.#inKey && this.#atStart) {
        if (byte === 0) throw streamError('E_STREAM_FIELD', this.at, 'a xenstore key is empty');
        if (byte === SLASH) throw streamError('E_STREAM_FIELD', this.at, 'a xenstore key is not relative');
      }
      this.#atStart = byte === 0;
      if (byte === 0) this.#inKey = !this.#inKey;
    }
  }

  /** Checks that the body ended after a value. @throws StreamError `E_STREAM_FIELD` */
  end(): void {
    if (!this.#atStart) throw streamError('E_STREAM_FIELD', this.at, 'the xenstore data does not end with NUL');
    if (!this.#inKey) throw streamError('E_STREAM_FIELD', this.at, 'the last xenstore key has no value');
  }
}
