import { describe, expect, it } from 'vitest';
import { decodeXml } from '../../../src/xml/decode.js';
import { XmlError } from '../../../src/xml/parse.js';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

describe("a document's encoding", () => {
  it('is the one that it declares', () => {
    expect(decodeXml(latin1('<?xml version="1.0" encoding="ISO-8859-1"?>\n<a>B\u00fcro</a>'))).toContain('B\u00fcro');
    expect(decodeXml(Buffer.from("<?xml version='1.0' encoding='UTF-8'?><a>B\u00fcro</a>"))).toContain('B\u00fcro');
  });

  it('is UTF-8 where none is declared, and what its mark says where there is one', () => {
    expect(decodeXml(Buffer.from('<a>B\u00fcro</a>'))).toBe('<a>B\u00fcro</a>');
    expect(decodeXml(Buffer.from('\ufeff<a>B\u00fcro</a>', 'utf16le'))).toContain('B\u00fcro');
  });

  it('keeps no byte that is none of it: the place is said', () => {
    for (const head of ['', "<?xml version='1.0' encoding='utf-8'?>"]) {
      expect(() => decodeXml(latin1(`${head}<a>\n  B\u00fcro</a>`))).toThrow(
        'line 2, column 4: the bytes are not UTF-8',
      );
    }
    expect(() => decodeXml(latin1("<?xml version='1.0' encoding='US-ASCII'?><a>\u00fc</a>"))).toThrow(XmlError);
  });

  it('is refused by its name where it is not read', () => {
    expect(() => decodeXml(Buffer.from("<?xml version='1.0' encoding='EBCDIC-US'?><a/>"))).toThrow(
      'the encoding ebcdic-us, which is not supported',
    );
  });
});
