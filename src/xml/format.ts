import { isElement, type XmlElement } from './element.js';

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#13;');
}

/** Attribute values are normalised by readers: white space other than blanks must go as references. */
function escapeAttribute(value: string): string {
  return escapeText(value).replaceAll("'", '&apos;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');
}

/** The element as a document: two-space indent, text-only elements on one line, a final newline. */
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
