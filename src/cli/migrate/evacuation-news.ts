import type { EvacuationAttempt, Leaver, Move } from '../../api/evacuation.js';
import type { ProgressEvent } from '../../api/errors.js';
import { bytesText } from '../bytes-text.js';
import { printNote } from '../output.js';

/** Interval of the progress lines of each domain. */
const EVERY_MS = 2_000;

/** Reports the progress of an evacuation, on standard error. */
export class EvacuationNews {
  readonly #toldAt = new Map<string, number>();

  constructor(private readonly style: 'lines' | 'json' | 'none') {}

  /** An attempt begins, or has ended. */
  readonly attempt = ({ leaver, destination, move }: EvacuationAttempt): void => {
    const { name } = leaver;
    if (move === undefined) {
      this.#say({ event: 'leaving', domain: name, destination }, `${name}: to ${destination}`);
      return;
    }
    const { came, ...rest } = move;
    this.#say(
      { event: 'ended', domain: name, destination, result: came, ...rest },
      `${name}: ${endText(move, destination)}`,
    );
  };

  /** Progress of an attempt under way. */
  readonly progress = ({ name, uuid }: Leaver, event: ProgressEvent): void => {
    if (event.type === 'notice') {
      this.#say({ event: 'notice', domain: name, text: event.text }, `${name}: ${event.text}`);
      return;
    }
    if (event.type !== 'bytes') return;
    const now = performance.now();
    if (now - (this.#toldAt.get(uuid) ?? now - EVERY_MS) < EVERY_MS) return;
    this.#toldAt.set(uuid, now);
    const { rawBytes, wireBytes } = event;
    this.#say(
      { event: 'progress', domain: name, rawBytes, wireBytes },
      `${name}: ${bytesText(rawBytes)} of its stream, ${bytesText(wireBytes)} sent`,
    );
  };

  /** Printed even with progress switched off. */
  warning(text: string): void {
    printNote(this.style === 'json' ? JSON.stringify({ event: 'warning', text }) : `warning: ${text}`);
  }

  readonly notice = (text: string): void => {
    this.#say({ event: 'notice', text }, text);
  };

  #say(event: Record<string, unknown>, text: string): void {
    if (this.style === 'json') printNote(JSON.stringify(event));
    else if (this.style === 'lines') printNote(text);
  }
}

function endText(move: Move, destination: string): string {
  switch (move.came) {
    case 'moved':
      return `is at ${destination} after ${(move.totalMs / 1000).toFixed(1)} s`;
    case 'gone':
      return 'has ended here';
    case 'stays':
      return `is not moved to ${destination}: ${move.why.message}`;
    case 'in-doubt':
    case 'not-running':
      return move.why.message;
  }
}
