import { beforeEach, describe, expect, it, vi } from 'vitest';
import { bindEvents } from '../../../../src/toolstack/libxl/bind-events.js';
import type { Library } from '../../../../src/toolstack/libxl/foreign.js';
import { loadLibxl } from '../../../../src/toolstack/libxl/load.js';

type Call = (...words: unknown[]) => unknown;

/** The libraries that are installed, by the beginning of their name, and what their functions do. */
const installed = vi.hoisted(() => new Map<string, Record<string, (...words: unknown[]) => unknown>>());

vi.mock('../../../../src/posix/koffi.js', async (importOriginal) => {
  const { default: koffi } = await importOriginal<{ default: { load: (name: string) => unknown } }>();
  const load = (name: string): unknown =>
    name.startsWith('libc.so') && !installed.has('libc.so') ? koffi.load(name) : libraryOf(name);
  return { default: { ...koffi, load } };
});

/** koffi's library, whose functions are found by the name in their prototype. */
function libraryOf(name: string): { func: (first: string) => Call } {
  const found = [...installed].find(([begin]) => name.startsWith(begin));
  if (found === undefined) throw new Error(`${name}: cannot open shared object file`);
  const func = (prototype: string): Call => {
    const called = Object.entries(found[1]).find(([each]) => prototype.includes(each))?.[1] ?? (() => 0);
    return Object.assign(called, {
      async: (...words: unknown[]) => {
        const done = words.pop() as (error: unknown, result: unknown) => void;
        done(null, called(...words));
      },
    });
  };
  return { func };
}

describe("a release's libxl", () => {
  beforeEach(() => installed.clear());

  it('that is not installed is named with the package that has it', () => {
    expect(() => loadLibxl('4.17', 1)).toThrow(
      expect.objectContaining({
        code: 'E_REFUSED_NO_LIBXL',
        message: expect.stringMatching(/Xen 4\.17 runs here, but its libxen\S+ cannot be loaded/) as unknown,
        hint: expect.stringContaining('xen-utils-4.17') as unknown,
      }),
    );
  });

  it('that makes no logger, or gives no context, is refused with the reason', () => {
    installed.set('libxen', {}).set('libc.so', { fdopen: () => null });
    const refused = (message: RegExp): unknown =>
      expect.objectContaining({ code: 'E_TOOLSTACK_CONTEXT', message: expect.stringMatching(message) as unknown });
    expect(() => loadLibxl('4.17', 1)).toThrow(refused(/no logger/));
    installed
      .set('libc.so', { fdopen: () => 1n })
      .set('libxen', { xtl_createlogger_stdiostream: () => 2n, libxl_ctx_alloc: () => -3 });
    expect(() => loadLibxl('4.17', 1)).toThrow(refused(/context \(ERROR_FAIL\)/));
  });

  it('whose event loop fails ends the wait for its events', async () => {
    installed.set('libxl', { libxl_osevent_beforepoll: () => -3, libxl_event_wait: () => -5 });
    const events = bindEvents(libraryOf('libxl') as unknown as Library, 1n);
    await expect(events.turn(0)).rejects.toMatchObject({ code: 'E_TOOLSTACK_EVENT_LOOP' });
    await expect(events.awaitEvent()).rejects.toMatchObject({
      code: 'E_TOOLSTACK_EVENT_LOOP',
      message: expect.stringContaining('ERROR_') as unknown,
    });
  });
});
