import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCfg, parseCfg, type CfgOut, type CfgValue } from '../../../../src/domain/xl-config/syntax.js';
import { UsageError } from '../../../../src/errors/errors.js';

const plain = (value: CfgValue): CfgOut => (value.kind === 'text' ? value.text : value.items.map(plain));
const read = (source: string): Record<string, CfgOut> =>
  Object.fromEntries([...parseCfg(source)].map(([name, value]) => [name, plain(value)]));

describe("the grammar of xl's files", () => {
  it('has strings, numbers, lists over lines, comments, semicolons and +=', () => {
    expect(
      read(`# a guest
name = "web"; memory = 0x100 # MiB
disk = [ 'a"b',
  # in between
  "c\\"d\\n",
]
nested = [["x=1"], []]
extra = 'a'
extra += "b"
disk += ["e"]`),
    ).toEqual({ name: 'web', memory: '0x100', disk: ['a"b', 'c"d\n', 'e'], nested: [['x=1'], []], extra: 'ab' });
  });

  it.each([
    ['name', "line 1, column 5: '=' is missing after name"],
    ['a = "x\nb = 1', 'line 1, column 5: this string does not end on its line'],
    ['a = 1\n  b = def f():', 'line 2, column 7: a value must be a string'],
    ['a = [1 2]', "line 1, column 8: ',' or ']' is missing before \"2\""],
    ['a = [', 'line 1, column 6: a value must be'],
    ['a = 1 b = 2', 'line 1, column 7: the setting a should end here'],
    ['a = (1)', 'line 1, column 5: "(" is not expected here'],
    ['a = [[[[[1]]]]]', 'lists nest deeper than 4'],
    ['"a" = 1', 'a setting must begin with its name'],
    ["a = 1\na += ['x']", 'a list and a string cannot be added'],
  ])('says where %j is wrong', (source, message) => {
    expect(() => parseCfg(source)).toThrow(expect.objectContaining({ code: 'E_USAGE_XL_CONFIG' }));
    expect(() => parseCfg(source)).toThrow(message);
  });

  it.each(['"a\\101"', '"\\x41"', '"C:\\dir"', "'\\"])(
    'refuses %s, which xl refuses or loses a character of',
    (value) => {
      expect(() => parseCfg(`name = ${value}`)).toThrow(UsageError);
    },
  );

  it('keeps bytes that are UTF-8, and those of comments, and says where others are', () => {
    const comment = Buffer.from('# Serveur \xe0 Paris\n', 'latin1');
    const utf8 = Buffer.concat([comment, Buffer.from('name = "b\u00fcro\u20ac\u{1f600}"\n')]);
    expect(Object.fromEntries([...parseCfg(utf8)].map(([name, value]) => [name, plain(value)]))).toEqual({
      name: 'b\u00fcro\u20ac\u{1f600}',
    });
    const wrong = Buffer.from('# \xe0\nx = "e"\nname = "b\xefro"\n', 'latin1');
    expect(() => parseCfg(wrong)).toThrow('line 3, column 10: the byte 0xef is not UTF-8');
    expect(() => parseCfg(wrong)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('iconv -f ISO-8859-1') as unknown }),
    );
    expect(() => parseCfg(Buffer.from('n\xe9 = 1', 'latin1'))).toThrow('line 1, column 2: the byte 0xe9 is not UTF-8');
  });

  it.each(['c0af', 'eda080', 'f4908080', 'e282', '80', 'ff'])('takes %s for no UTF-8 (RFC 3629)', (hex) => {
    const bytes = Buffer.concat([Buffer.from('a = "'), Buffer.from(hex, 'hex'), Buffer.from('"')]);
    expect(() => parseCfg(bytes)).toThrow('line 1, column 6: the byte 0x');
  });

  it('is bounded', () => {
    expect(() => parseCfg(' '.repeat(1024 * 1024 + 1))).toThrow('over the limit');
    expect(() => parseCfg(`a = [${'1,'.repeat(1025)}]`)).toThrow('more than 1024 items');
    expect(() => parseCfg(Array.from({ length: 1025 }, (_, index) => `a${index}=1`).join('\n'))).toThrow(
      '1024 settings',
    );
  });

  it('gives back what was written, whatever the strings hold', () => {
    const value = fc.oneof(fc.string(), fc.nat().map(String));
    const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);
    fc.assert(
      fc.property(fc.dictionary(name, fc.oneof(value, fc.array(fc.oneof(value, fc.array(value))))), (settings) => {
        expect(read(formatCfg(new Map(Object.entries(settings))))).toEqual({ ...settings });
      }),
      { numRuns: 500 },
    );
  });

  it('is read or refused with its place, whatever it is', () => {
    const token = fc.constantFrom(
      'a',
      '=',
      '+=',
      '[',
      ']',
      ',',
      ';',
      '\n',
      '"x"',
      "'",
      '"',
      '#',
      '12',
      '\\',
      ' ',
      '\u0000',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(token).map((tokens) => tokens.join('')),
        ),
        (source) => {
          try {
            parseCfg(source);
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError);
            expect((error as UsageError).message).toMatch(/^line \d+, column \d+: /);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
