import { HANDOVER } from '../../../src/handover/machines.js';
import { successors } from './steps.js';
import { actText, destText, isToDest, keyOf, START, type Message, type Next, type World } from './world.js';

/** One way that a migration goes: as it should, but for what happens at given moments. */
export interface Walk {
  /** Also the name of its file. */
  readonly name: string;
  /** In order: just before that would happen, this happens instead. `loses M`: the message M never arrives. */
  readonly instead: readonly { readonly of: string; readonly happens: readonly string[] }[];
}

export const WALKS: readonly Walk[] = [
  { name: 'plain move', instead: [] },
  {
    name: 'refusal, what the guest holds cannot be had',
    instead: [{ of: 'dest: claim, done', happens: ['dest: claim, failed'] }],
  },
  { name: 'cancel while the stream moves', instead: [{ of: 'dest hears stream', happens: ['source: cancel'] }] },
  {
    name: 'stream that arrives changed',
    instead: [
      {
        of: 'source suspends the guest, stream goes out',
        happens: ['source suspends the guest, changed-stream goes out'],
      },
    ],
  },
  {
    name: 'source cannot record that it is in doubt',
    instead: [{ of: 'source: record in-doubt, on the disk', happens: ['source: record in-doubt, failed'] }],
  },
  {
    name: 'lost reply to finish, then status',
    instead: [{ of: 'source hears committed', happens: ['loses committed', 'source: unanswered'] }],
  },
  {
    name: 'source dies in doubt, before finish',
    instead: [{ of: 'source: send-finish', happens: ['source dies', 'dest: lost'] }],
  },
  {
    name: 'source dies in doubt, after finish',
    instead: [{ of: 'dest hears finish', happens: ['source dies'] }],
  },
  { name: 'destination dies before the commit', instead: [{ of: 'dest: claim, done', happens: ['dest dies'] }] },
  { name: 'destination dies after the commit', instead: [{ of: 'dest: activate, done', happens: ['dest dies'] }] },
  {
    name: 'torn commit',
    instead: [{ of: 'dest: record committed, on the disk', happens: ['dest: record committed, torn'] }],
  },
  {
    name: 'torn commit, and the refusal cannot be recorded',
    instead: [
      {
        of: 'dest: record committed, on the disk',
        happens: ['dest: record committed, torn', 'dest: record refusing, failed'],
      },
    ],
  },
  {
    name: 'destination loses the guest after the commit',
    instead: [{ of: 'dest: activate, done', happens: ["dest's host goes down"] }],
  },
  {
    name: 'source cannot record what it does after the commit',
    instead: [
      { of: 'source: record leaving, on the disk', happens: ['source: record leaving, failed'] },
      { of: 'source: record released, on the disk', happens: ['source: record released, failed'] },
    ],
  },
];

/** What happens where nothing goes wrong: acts first, then messages in the order in which they were sent, then what starts by itself. */
function usualNext(nexts: readonly Next[], queue: readonly Message[]): Next | undefined {
  const usual = nexts.filter((next) => next.usual);
  const act = usual.find(({ label }) => /^(source|dest): /.test(label));
  const messages = queue.map((message) => `${isToDest(message) ? 'dest' : 'source'} hears ${message}`);
  const heard = messages.flatMap((label) => usual.find((next) => next.label === label) ?? []);
  return act ?? heard.at(0) ?? usual.find(({ label }) => !label.includes(' hears '));
}

function sideTexts({ source, dest }: World): { source: string; dest: string } {
  const todo = (acts: readonly Parameters<typeof actText>[0][]): string =>
    acts.length === 0 ? '' : `; to do: ${acts.map(actText).join(', ')}`;
  return {
    source: `${source.mem ?? '-'}; journal ${source.durable ?? '-'}; guest ${source.guest}${todo(source.acts)}`,
    dest: `${destText(dest.mem)}; journal ${dest.durable ?? '-'}; copy ${dest.copy}${todo(dest.acts)}`,
  };
}

/** A walk as it goes: each message is heard once, in order, unless it is lost. */
class Walker {
  #world = START;
  #queue: readonly Message[] = START.wire;
  readonly #lines: string[] = [];
  readonly #seen = new Set<string>();

  get nexts(): Next[] {
    return successors(HANDOVER, this.#world);
  }

  get usual(): Next | undefined {
    return usualNext(this.nexts, this.#queue);
  }

  /** False where this state was here before: the walk goes round in a circle. */
  get isNew(): boolean {
    const key = `${keyOf(this.#world)} ${this.#queue.join(',')}`;
    return !this.#seen.has(key) && this.#seen.add(key).size > 0;
  }

  note(line: string): void {
    this.#lines.push(line);
  }

  loses(message: Message): void {
    this.#queue = this.#queue.filter((one) => one !== message);
    this.#world = { ...this.#world, wire: this.#world.wire.filter((one) => one !== message) };
    this.note(`${message} is lost`);
  }

  go({ label, world }: Next): void {
    const before = sideTexts(this.#world);
    const heard = / hears (.*)$/.exec(label)?.[1];
    const had = this.#world.wire.filter((message) => message !== heard);
    const sent = world.wire.filter((message) => !had.includes(message) && message !== heard);
    this.#queue = [...this.#queue.filter((message) => message !== heard), ...sent];
    this.#world = { ...world, wire: world.wire.filter((message) => message !== heard) };
    this.note(label);
    const after = sideTexts(this.#world);
    if (after.source !== before.source) this.note(`    source  ${after.source}`);
    if (after.dest !== before.dest) this.note(`    dest    ${after.dest}`);
    if (sent.length > 0) this.note(`    sent    ${sent.join(', ')}`);
  }

  get text(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

/** What happens on a walk, step by step. @throws Error where what is to happen cannot happen there, or never comes up */
export function transcriptOf({ name, instead }: Walk): string {
  const walker = new Walker();
  walker.note(`# ${name}`);
  const left = [...instead];
  for (let usual = walker.usual; usual !== undefined; usual = walker.usual) {
    if (!walker.isNew) {
      walker.note('and so on');
      break;
    }
    if (left.at(0)?.of !== usual.label) {
      walker.go(usual);
      continue;
    }
    for (const label of left.shift()?.happens ?? []) {
      const next = walker.nexts.find((one) => one.label === label);
      if (label.startsWith('loses ')) walker.loses(label.slice('loses '.length) as Message);
      else if (next !== undefined) walker.go(next);
      else
        throw new Error(
          `${name}: "${label}" cannot happen; what can: ${walker.nexts.map((one) => one.label).join('; ')}`,
        );
    }
  }
  if (left.length > 0) throw new Error(`${name}: "${left[0].of}" never came up:\n${walker.text}`);
  return walker.text;
}
