import type { EvacuationAttempt, Leaver, Move } from '../../api/evacuation.js';
import type { ProgressEvent } from '../../api/errors.js';
import { bytesText } from '../bytes-text.js';
import { printNote } from '../output.js';

/** A line for each domain that is under way comes this often. */
const EVERY_MS = 2_000;

/** How an evacuation is told of while it goes on, on standard error. */
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

  /** What is heard of one that is under way. */
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

  /** Told even to who wants to hear of no progress. */
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
      return 'is not here any more';
    case 'stays':
      return `does not go to ${destination}: ${move.why.message}`;
    case 'in-doubt':
    case 'not-running':
      return move.why.message;
  }
}
