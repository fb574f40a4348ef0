import { isElement, type XmlElement } from './element.js';
import { XmlError } from './xml-error.js';

/** What is outside of "Char" of XML 1.0, section 2.2; a character reference cannot represent it either. */
const NOT_A_CHARACTER = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * What a terminal interprets instead of showing: written as a character reference, which parses to the same character.
 */
const NOT_SHOWN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

function reference(char: string): string {
  return `&#${char.codePointAt(0)};`;
}

function escapeText(text: string): string {
  const bad = NOT_A_CHARACTER.exec(text);
  if (bad !== null) {
    throw new XmlError('E_XML_CHARACTER', `XML cannot carry ${JSON.stringify(bad[0])} in ${JSON.stringify(text)}`, {
      hint: 'Take the character out of the name or text.',
    });
  }
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replace(NOT_SHOWN, reference);
}

/** Attribute values are normalised by parsers: white space other than blanks is written as character references. */
function escapeAttribute(value: string): string {
  return escapeText(value).replaceAll("'", '&apos;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');
}

/**
 * The element as a document: two-space indent, text-only elements on one line, a final newline.
 * Parsing the result with `parseXml` gives the same tree, except for blanks around text between elements.
 * @throws XmlError `E_XML_CHARACTER` for a character that XML cannot represent
 */
export function formatXml(root: XmlElement): string {
  const lines: string[] = [];
  write(root, '', lines);
  return `${lines.join('\n')}\n`;
}

function write(element: XmlElement, indent: string, lines: string[]): void {
  const attributes = [...element.attributes].map(([name, value]) => ` ${name}='${escapeAttribute(value)}'`).join('');
  const start = `${indent}<${element.name}${attributes}`;
  if (element.children.length === 0) {
    lines.push(`${start}/>`);
  } else if (!element.children.some(isElement)) {
    lines.push(
      `${start}>${element.children.map((child) => (isElement(child) ? '' : escapeText(child))).join('')}</${element.name}>`,
    );
  } else {
    lines.push(`${start}>`);
    for (const child of element.children) {
      if (isElement(child)) write(child, `${indent}  `, lines);
      else lines.push(`${indent}  ${escapeText(child.trim())}`);
    }
    lines.push(`${indent}</${element.name}>`);
  }
}
