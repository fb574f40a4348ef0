import { setTimeout as sleep } from 'node:timers/promises';
import { ToolstackError } from '../../../src/errors/errors.js';
import { diskError, type Life } from '../matrix/life.js';
import { Moments, type Effect } from '../matrix/moments.js';
import type { Network } from '../matrix/network.js';

/** How long nothing gets through where the network is told to be a black hole. */
const HOLE_MS = 800;

/** Moments at each of which something may go wrong, as the random numbers say. */
export class RandomMoments extends Moments {
  readonly faults: Record<string, number> = {};
  #lives: () => readonly Life[] = () => [];
  #network: Network | undefined;

  /** @param chance of a fault at a moment, from 0 to 1 */
  constructor(
    private readonly random: () => number,
    private readonly chance: number,
  ) {
    super();
  }

  /** From now on things go wrong. */
  begin(lives: () => readonly Life[], network: Network): void {
    this.#lives = lives;
    this.#network = network;
  }

  override reach(moment: string): Effect {
    if (!this.open || this.#network === undefined || this.random() >= this.chance) return 'go';
    const [name, act] = moment.split(':');
    const isJournal = act.startsWith('journal-');
    const isWire = name === 'wire';
    const kinds = ['kill', 'reset', 'hole', ...(isWire ? [] : isJournal ? ['disk'] : ['call-fails', 'call-hangs'])];
    const kind = kinds[Math.floor(this.random() * kinds.length)];
    this.faults[kind] = (this.faults[kind] ?? 0) + 1;
    return this.#strike(kind, name, this.#network);
  }

  #strike(kind: string, name: string, network: Network): Effect {
    switch (kind) {
      case 'kill': {
        const lives = this.#lives().filter((life) => !life.dead);
        const mine = lives.find((life) => life.name === name) ?? lives[Math.floor(this.random() * lives.length)];
        mine.kill();
        return 'go';
      }
      case 'reset':
        network.reset();
        return 'go';
      case 'hole':
        network.hole('out', 'back');
        void sleep(HOLE_MS).then(() => {
          network.heal();
        });
        return 'go';
      case 'disk':
        return diskError('ENOSPC');
      case 'call-hangs':
        return 'hang';
      default:
        return new ToolstackError('E_TOOLSTACK_FAULT', 'told to fail', { hint: 'It was told to.' });
    }
  }
}
