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
 * The text of a document: decoded by its byte order mark, else by the encoding that it declares, else as UTF-8.
 * @throws XmlError `E_XML_ENCODING` for an encoding that is not supported, or for bytes that are not valid in it, with
 * their line and column
 */
export function decodeXml(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes);
  if (!ENCODINGS.has(encoding)) {
    throw new XmlError('E_XML_ENCODING', `the document declares the encoding ${encoding}, which is not supported`, {
      hint: 'Convert it: `iconv -f ENCODING -t UTF-8 FILE`, and declare UTF-8.',
      data: { encoding },
    });
  }
  try {
    // A file that declares UTF-16 without a byte order mark, and whose declaration could be read, is stored in single
    // bytes.
    const label = encoding === 'utf-16' || /^(us-)?ascii$/.test(encoding) ? 'utf-8' : encoding;
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch (cause) {
    const place = wrongByte(bytes);
    throw new XmlError('E_XML_ENCODING', `${place}the bytes are not ${encoding.toUpperCase()}`, {
      cause,
      hint: "Declare the encoding of the file, as in <?xml version='1.0' encoding='ISO-8859-1'?>, or convert it to UTF-8.",
      data: { encoding },
    });
  }
}

/** The line of the first byte that is not valid UTF-8. */
function wrongByte(bytes: Uint8Array): string {
  // An invalid byte becomes U+FFFD; a document may also contain that character itself, which decodes without an error.
  const text = new TextDecoder('utf-8').decode(bytes);
  const at = text.indexOf('\ufffd');
  if (at < 0) return '';
  const before = text.slice(0, at).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: `;
}
