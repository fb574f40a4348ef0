import { chai, JestAsymmetricMatchers, JestChaiExpect, setState } from '@vitest/expect';
import { setTimeout as sleep } from 'node:timers/promises';
import { format } from 'node:util';

/*
 * What a suite needs of vitest, small enough to run on an emulated host: vitest itself takes minutes to start there. `host-program.ts`
 * puts this in vitest's place; the expectations are vitest's own.
 */

type Step = () => unknown;

interface Room {
  readonly title: string;
  readonly beforeEach: Step[];
  readonly afterEach: Step[];
}

interface Found {
  readonly title: string;
  readonly passed: boolean;
  readonly ms: number;
  readonly trouble?: string;
}

/** A test that takes longer than this is stuck. */
const TEST_MS = 400_000;
const POLL_MS = 500;

const tests: { readonly title: string; readonly rooms: readonly Room[]; readonly body: Step }[] = [];
let rooms: readonly Room[] = [];

export function describe(title: string, body: () => void): void {
  const outer = rooms;
  rooms = [...outer, { title, beforeEach: [], afterEach: [] }];
  body();
  rooms = outer;
}

export function beforeEach(step: Step): void {
  rooms.at(-1)?.beforeEach.push(step);
}

export function afterEach(step: Step): void {
  rooms.at(-1)?.afterEach.push(step);
}

function test(title: string, body: Step): void {
  tests.push({ title: [...rooms.map((room) => room.title), title].join(' > '), rooms, body });
}

export const it = Object.assign(test, {
  each:
    <T>(cases: readonly T[]) =>
    (title: string, body: (one: T) => unknown): void => {
      for (const one of cases) test(format(title, one), () => body(one));
    },
});

chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

export const expect = Object.assign((value: unknown, message?: string) => chai.expect(value, message), chai.expect, {
  poll,
});
setState({ assertionCalls: 0 }, chai.expect as never);

/** Any matcher, tried until it holds. */
function poll(look: () => unknown, { timeout = 10_000 }: { readonly timeout?: number } = {}): object {
  return new Proxy(
    {},
    {
      get: (_, matcher) => {
        return async (...args: unknown[]): Promise<void> => {
          const until = Date.now() + timeout;
          for (;;) {
            const seen = await look();
            try {
              const assertion: object = chai.expect(seen);
              (Reflect.get(assertion, matcher) as (...wanted: unknown[]) => void).apply(assertion, args);
              return;
            } catch (error) {
              if (Date.now() > until) throw error;
              await sleep(POLL_MS);
            }
          }
        };
      },
    },
  );
}

/**
 * A program's end: tells the titles where it is asked to `--list`, otherwise runs what the words on its command line name and says a
 * line of JSON for each test.
 */
export async function main(words: readonly string[]): Promise<void> {
  if (words.includes('--list')) {
    process.stdout.write(JSON.stringify(tests.map(({ title }) => title)));
  } else {
    await run(words, (found) => process.stdout.write(`${JSON.stringify(found)}\n`));
  }
}

/** Runs the tests that have one of these words in their titles, or all; `heard` is told of each as it ends. */
async function run(words: readonly string[], heard: (found: Found) => void): Promise<void> {
  for (const { title, rooms: within, body } of tests) {
    if (words.length > 0 && !words.some((word) => title.includes(word))) continue;
    const startedAt = performance.now();
    const troubles: string[] = [];
    const step = async (one: Step): Promise<boolean> => {
      try {
        await Promise.race([one(), tooLong()]);
        return true;
      } catch (error) {
        troubles.push(told(error));
        return false;
      }
    };
    let isReady = true;
    for (const one of within.flatMap((room) => room.beforeEach)) isReady = isReady && (await step(one));
    if (isReady) await step(body);
    for (const one of within.flatMap((room) => room.afterEach).reverse()) await step(one);
    const ms = Math.round(performance.now() - startedAt);
    heard({
      title,
      passed: troubles.length === 0,
      ms,
      ...(troubles.length === 0 ? {} : { trouble: troubles.join('\n') }),
    });
  }
}

async function tooLong(): Promise<never> {
  await sleep(TEST_MS, undefined, { ref: false });
  throw new Error(`it took longer than ${TEST_MS / 1000} s`);
}

/** The whole of an error: its causes and data say which call of which library failed. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return format(error);
  const { code, data, hint, actual } = error as Error & {
    code?: string;
    data?: unknown;
    hint?: string;
    actual?: unknown;
  };
  const more = [code, hint, data, actual].filter((one) => one !== undefined).map((one) => format(one));
  const cause = error.cause === undefined ? '' : `\ncaused by ${told(error.cause)}`;
  return `${error.stack ?? error.message}${more.length === 0 ? '' : `\n  ${more.join('; ')}`}${cause}`;
}
