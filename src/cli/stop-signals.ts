import process from 'node:process';
import { AbortedError } from '../api/errors.js';
import { printNote } from './output.js';

/**
 * Ctrl-C and SIGTERM as two signals: the first requests an orderly stop, the second one not to
 * wait for the other host any longer. This does not end the process: the verb does, when it has settled.
 */
export class StopSignals implements Disposable {
  readonly #cancel = new AbortController();
  readonly #abandon = new AbortController();

  /** @param what is being stopped, for the notice; without it the stop is silent */
  constructor(private readonly what?: string) {
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
  }

  get cancel(): AbortSignal {
    return this.#cancel.signal;
  }

  get abandon(): AbortSignal {
    return this.#abandon.signal;
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (!this.#cancel.signal.aborted) {
      if (this.what !== undefined) {
        printNote(`${name}: stopping ${this.what}; once more to stop waiting for the other host`);
      }
      this.#cancel.abort(new AbortedError(`stopped by ${name}`));
    } else if (!this.#abandon.signal.aborted) {
      if (this.what !== undefined) printNote(`${name}: not waiting for the other host any longer`);
      this.#abandon.abort(new AbortedError(`stopped by a second ${name}`));
    }
  };

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
  }
}
