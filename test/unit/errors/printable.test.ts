import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { XenferryError } from '../../../src/errors/errors.js';
import {
  bounded,
  isPrintable,
  printable,
  printableDocument,
  printableJson,
  printableLine,
} from '../../../src/errors/printable.js';
import { ownCommand, pastedWord, shellWord } from '../../../src/errors/shell-words.js';
import { fromWire, toWire } from '../../../src/errors/wire.js';
import { POISON, POISONS, unseenIn } from '../../support/poison.js';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
);

describe('a printable text', () => {
  it('shows what would act instead, and leaves the rest', () => {
    expect(printable('\u001b[2J a\nb\u202e\u{e0041}\ud800')).toBe('\\u001b[2J a\\nb\\u202e\\udb40\\udc41\\ud800');
    expect(printable('Grüße, 你好 😀 e\u0301 \\ "')).toBe('Grüße, 你好 😀 e\u0301 \\ "');
    expect(printableDocument('<a>\n\t<b>\u009b</b>\r</a>')).toBe('<a>\n\t<b>\\u009b</b>\\r</a>');
    expect(printableLine('one\r\n  two\tthree\u0007')).toBe('one   two three\\u0007');
  });

  it('is one, whatever it is made of, and stays it', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = printable(text);
        expect(unseenIn(shown.replaceAll('\n', '\0'))).toEqual([]);
        expect(isPrintable(shown)).toBe(true);
        expect(printable(shown)).toBe(shown);
        if (isPrintable(text)) expect(shown).toBe(text);
      }),
    );
  });

  it('JSON says the same value, printably', () => {
    fc.assert(
      fc.property(fc.jsonValue(), anyText, (value, text) => {
        const json = printableJson({ value, [text]: text });
        expect(unseenIn(json)).toEqual([]);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ value, [text]: text })));
      }),
    );
  });

  it('of bounded length ends with an ellipsis where it was cut, never in the middle of an escape', () => {
    expect(bounded('abc', 3)).toBe('abc');
    expect(bounded('abcd', 3)).toBe('ab…');
    expect(bounded('a😀b', 3)).toBe('a…');
    expect(bounded('a\u001bb', 5)).toBe('a…');
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 40 }), (text, max) => {
        const cut = bounded(text, max);
        expect(cut.length).toBeLessThanOrEqual(max);
        expect(isPrintable(cut)).toBe(true);
      }),
    );
  });
});

describe('an error that goes to another process or host', () => {
  it.each(POISONS)('says %s printably, and cut to what the other side takes', (_what, text) => {
    const error = new XenferryError('E_TEST', text, {
      hint: text,
      data: { text, list: Array<string>(100).fill(text) },
    });
    const wire = fromWire(toWire(error));
    expect(unseenIn(`${wire.message}${wire.hint ?? ''}${JSON.stringify(wire.data)}`)).toEqual([]);
    expect(wire.message.length).toBeLessThanOrEqual(4096);
    expect(wire.hint?.length).toBeLessThanOrEqual(4096);
    expect(wire.data.list).toHaveLength(64);
  });
});

describe('a command that a hint tells a person to paste', () => {
  it('names its domain as one word, whatever the name', () => {
    expect(ownCommand('start', 'web1')).toBe('xenferry start web1');
    expect(ownCommand('start', 'a b; reboot')).toBe("xenferry start 'a b; reboot'");
    expect(ownCommand('start', '`reboot`')).toBe("xenferry start '`reboot`'");
    expect(ownCommand('dumpxml --security-info', '--help')).toBe('xenferry dumpxml --security-info -- --help');
    expect(pastedWord("it's")).toBe(shellWord("it's"));
  });

  it('shows what is in it, and a shell reads the same word', () => {
    expect(pastedWord('a\u001bb\u202e')).toBe(String.raw`$'a\033b\342\200\256'`);
    expect(unseenIn(pastedWord(POISON.replaceAll('\n', '')))).toEqual([]);
  });
});
