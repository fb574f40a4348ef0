import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { childNamed, element, textOf, type XmlElement } from '../../../src/xml/element.js';
import { formatXml } from '../../../src/xml/format.js';
import { parseXml, XmlError } from '../../../src/xml/parse.js';

const codeOf = (text: string): string => {
  try {
    parseXml(text);
    return 'good';
  } catch (error) {
    if (error instanceof XmlError) return error.code;
    throw error;
  }
};

/** Without the places, which formatting changes. */
const bare = (node: XmlElement): unknown => ({
  name: node.name,
  attributes: [...node.attributes],
  children: node.children.map((child) => (typeof child === 'string' ? child : bare(child))),
});

describe('XML', () => {
  it('reads elements, attributes, text, CDATA and references; drops comments and layout', () => {
    const root = parseXml("<?xml version='1.0'?><!-- c --><a x='1'>\n <b>t&amp;&#65;<![CDATA[<u>]]></b>\n</a>");
    expect(root.attributes.get('x')).toBe('1');
    expect(textOf(childNamed(root, 'b')!)).toBe('t&A<u>');
    expect(root.children).toHaveLength(1);
  });

  it('names line and column of what is wrong', () => {
    expect(() => parseXml('<a>\n  <b></c>\n</a>')).toThrow(/^line 2, column \d+: /);
  });

  it.each([
    ['a document type', '<!DOCTYPE a><a/>', 'E_XML_DOCTYPE'],
    ['an entity bomb', '<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]><a>&y;</a>', 'E_XML_DOCTYPE'],
    ['an entity of nobody', '<a>&nobody;</a>', 'E_XML_SYNTAX'],
    ['nothing', '', 'E_XML_SYNTAX'],
    ['two roots', '<a/><b/>', 'E_XML_SYNTAX'],
    ['an end that is missing', '<a><b></b>', 'E_XML_SYNTAX'],
    ['depth', '<a>'.repeat(100) + '</a>'.repeat(100), 'E_XML_TOO_DEEP'],
    ['size', `<a>${'x'.repeat(1024 * 1024)}</a>`, 'E_XML_TOO_LARGE'],
    ['too many elements', `<a>${'<b/>'.repeat(20_000)}</a>`, 'E_XML_TOO_LARGE'],
    [
      'too many attributes',
      `<a ${Array.from({ length: 65 }, (_, index) => `a${index}=''`).join(' ')}/>`,
      'E_XML_TOO_LARGE',
    ],
    ['the same attribute twice', `<a x='1' x='2'/>`, 'E_XML_SYNTAX'],
  ])('refuses %s', (_what, text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it('formats as it reads: any tree comes back', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .filter((one) => one.trim() === one && !/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(one));
    const value = fc
      .string({ unit: 'grapheme', maxLength: 12 })
      .filter((one) => !/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(one));
    const name = fc.constantFrom('a', 'b', 'ns:c', 'd-e');
    const { tree } = fc.letrec<{ tree: XmlElement }>((tie) => ({
      tree: fc
        .tuple(
          name,
          fc.dictionary(fc.constantFrom('x', 'y', 'z'), value),
          fc.oneof(
            { maxDepth: 3 },
            text.map((one) => [one]),
            fc.array(tie('tree'), { maxLength: 3 }),
          ),
        )
        .map(([tag, attributes, children]) => element(tag, attributes, children)),
    }));
    fc.assert(
      fc.property(tree, (root) => {
        expect(bare(parseXml(formatXml(root)))).toEqual(bare(root));
      }),
      { numRuns: 1000 },
    );
  });

  it.each(['\u0001', '\ufffe', '\ud800'])('refuses to write %j, which no reader would take', (text) => {
    expect(() => formatXml(element('a', {}, [text]))).toThrow(
      expect.objectContaining({ code: 'E_XML_CHARACTER' }) as Error,
    );
    expect(() => formatXml(element('a', { b: text }))).toThrow(XmlError);
  });

  it('takes no control character by reference, whatever version the document claims', () => {
    expect(codeOf("<?xml version='1.1'?><a>&#1;</a>")).toBe('E_XML_SYNTAX');
  });

  it('escapes as little and as much as a reader needs', () => {
    expect(formatXml(element('a', { b: `<'"&\n\t` }, ['x', element('c', {}, ['1 < 2 & 3 > 2'])]))).toBe(
      `<a b='&lt;&apos;"&amp;&#10;&#9;'>\n  x\n  <c>1 &lt; 2 &amp; 3 &gt; 2</c>\n</a>\n`,
    );
  });

  it('answers any text with a tree or an XmlError', () => {
    fc.assert(
      fc.property(
        fc.string({
          maxLength: 60,
          unit: fc.constantFrom('<', '>', '/', 'a', '=', "'", '&', ';', '!', '[', ']', '-', ' ', '?', '#', 'D'),
        }),
        (text) => {
          codeOf(text);
        },
      ),
      { numRuns: 5000 },
    );
  });
});
