import type { ErrorCode } from '../errors/codes.js';
import { SaxesParser } from 'saxes';
import type { XmlElement, XmlNode } from './element.js';
import { XmlError } from './xml-error.js';

export { XmlError } from './xml-error.js';

/** Bounds that a document must keep; checked while it is parsed, so that memory is bounded too. */
export interface XmlLimits {
  /** Characters of text. */
  readonly maxChars: number;
  readonly maxDepth: number;
  readonly maxElements: number;
  readonly maxAttributes: number;
}

/** Domain XML of real guests is a few KiB; a megabyte is far beyond that. */
export const DEFAULT_XML_LIMITS: XmlLimits = {
  maxChars: 1024 * 1024,
  maxDepth: 64,
  maxElements: 20_000,
  maxAttributes: 64,
};

interface OpenElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlNode[];
  readonly at: { readonly line: number; readonly column: number };
}

/**
 * Parses one XML document, strictly, into a tree. Comments and processing instructions are dropped.
 * Document types are refused, and with them every entity but the five predefined ones and character
 * references.
 * @throws XmlError with line and column
 */
export function parseXml(text: string, limits: XmlLimits = DEFAULT_XML_LIMITS): XmlElement {
  if (text.length > limits.maxChars) {
    throw new XmlError(
      'E_XML_TOO_LARGE',
      `the document has ${text.length} characters, over the limit ${limits.maxChars}`,
      { hint: 'Check that the file is the intended document.' },
    );
  }
  // XML 1.1 would allow control characters, which XML 1.0, the form of every document written here, cannot represent.
  const parser = new SaxesParser({ position: true, defaultXMLVersion: '1.0', forceXMLVersion: true });
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  let elements = 0;

  const fail = (code: ErrorCode, why: string): XmlError =>
    new XmlError(code, `line ${parser.line}, column ${parser.column}: ${why}`, {
      hint: 'Correct the document there; `xmllint --noout FILE` checks it as a whole.',
      data: { line: parser.line, column: parser.column },
    });

  parser.on('error', (error) => {
    // saxes puts its own position first; every message of ours names line and column in the same form.
    throw fail('E_XML_SYNTAX', error.message.replace(/^\d+:\d+:\s*/, '').replace(/\.$/, ''));
  });
  parser.on('doctype', () => {
    throw fail('E_XML_DOCTYPE', 'a document type is not allowed');
  });
  parser.on('opentag', (tag) => {
    elements += 1;
    if (elements > limits.maxElements) throw fail('E_XML_TOO_LARGE', `more than ${limits.maxElements} elements`);
    if (open.length >= limits.maxDepth) throw fail('E_XML_TOO_DEEP', `elements nest deeper than ${limits.maxDepth}`);
    const attributes = new Map(Object.entries(tag.attributes));
    if (attributes.size > limits.maxAttributes) {
      throw fail('E_XML_TOO_LARGE', `<${tag.name}> has more than ${limits.maxAttributes} attributes`);
    }
    open.push({ name: tag.name, attributes, children: [], at: { line: parser.line, column: parser.column } });
  });
  const addText = (chars: string): void => {
    open.at(-1)?.children.push(chars);
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const done = open.pop();
    if (done === undefined) return;
    const built: XmlElement = { ...done, children: tidy(done.children) };
    const parent = open.at(-1);
    if (parent === undefined) root = built;
    else parent.children.push(built);
  });

  parser.write(text).close();
  if (root === undefined) throw fail('E_XML_SYNTAX', 'the document is empty');
  return root;
}

/** Blank text between elements is layout, not content. */
function tidy(children: readonly XmlNode[]): XmlNode[] {
  if (!children.some((child) => typeof child !== 'string')) return [...children];
  return children.filter((child) => typeof child !== 'string' || child.trim() !== '');
}
