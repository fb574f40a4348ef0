import { XmlError } from './xml-error.js';

/** Encodings that a document may declare, as TextDecoder calls them (the Encoding Standard's labels). */
const ENCODINGS: ReadonlySet<string> = new Set([
  'utf-8',
  'utf8',
  'us-ascii',
  'ascii',
  'utf-16',
  'utf-16le',
  'utf-16be',
  ...Array.from({ length: 16 }, (_, index) => `iso-8859-${index + 1}`).filter((name) => name !== 'iso-8859-12'),
  'latin1',
]);

/** The first characters of a document: room for the declaration, which comes before everything else. */
const HEAD_BYTES = 256;
const DECLARED = /^<\?xml\s[^?>]*?\sencoding\s*=\s*["']([A-Za-z][\w.-]{0,39})["']/;

function encodingOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  const head = Buffer.from(bytes.subarray(0, HEAD_BYTES))
    .toString('latin1')
    .replace(/^\u00ef\u00bb\u00bf/, '');
  return DECLARED.exec(head)?.[1]?.toLowerCase() ?? 'utf-8';
}

/**
 * The text of a document: by its byte order mark, else by the encoding that it declares, else UTF-8.
 * @throws XmlError `E_XML_ENCODING` for an encoding that is not read, or bytes that are none of it, with their place
 */
export function decodeXml(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes);
  if (!ENCODINGS.has(encoding)) {
    throw new XmlError('E_XML_ENCODING', `the document declares the encoding ${encoding}, which is not read`, {
      hint: 'Convert it: `iconv -f ENCODING -t UTF-8 FILE`, and declare UTF-8.',
      data: { encoding },
    });
  }
  try {
    // A file that says UTF-16 without a mark, and got as far as being read, is in bytes.
    const label = encoding === 'utf-16' || /^(us-)?ascii$/.test(encoding) ? 'utf-8' : encoding;
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch (cause) {
    const place = wrongByte(bytes);
    throw new XmlError('E_XML_ENCODING', `${place}the bytes are not ${encoding.toUpperCase()}`, {
      cause,
      hint: "Declare the encoding that it has, as in <?xml version='1.0' encoding='ISO-8859-1'?>, or convert it to UTF-8.",
      data: { encoding },
    });
  }
}

/** The line of the first byte that is no UTF-8. */
function wrongByte(bytes: Uint8Array): string {
  // What cannot be read becomes U+FFFD; a document may have that as well, which decodes without an error.
  const text = new TextDecoder('utf-8').decode(bytes);
  const at = text.indexOf('\ufffd');
  if (at < 0) return '';
  const before = text.slice(0, at).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: `;
}
