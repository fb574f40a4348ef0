import { ProtocolError } from '../../errors/errors.js';

/** A string, or a whole number that a double may not hold. In JSON, strings are found first, so no digits inside one count. */
const TOKEN = /"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;
/** What stands for such a number between the two passes. */
const STAND_IN = 'xenferry-integer:';

/**
 * JSON whose integers are 64 bits wide, as libxl writes and wants them (`gfn` is often 2^64 - 1): those of 16
 * digits and more become bigints.
 * @throws ProtocolError E_PROTOCOL_LIBXL_JSON
 */
export function parseBigJson(text: string): unknown {
  const marked = text.replaceAll(TOKEN, (token) => {
    if (!token.startsWith('"')) return `"${STAND_IN}${token}"`;
    if (token.startsWith(STAND_IN, 1)) throw bad('it holds a string that only we write');
    return token;
  });
  try {
    return JSON.parse(marked, (_, value: unknown) =>
      typeof value === 'string' && value.startsWith(STAND_IN) ? BigInt(value.slice(STAND_IN.length)) : value,
    );
  } catch (cause) {
    throw bad('it is no JSON', cause);
  }
}

/** The opposite of `parseBigJson`. */
export function formatBigJson(value: unknown): string {
  const marked = JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? `${STAND_IN}${String(part)}` : part,
  );
  return marked.replaceAll(/"xenferry-integer:(-?\d+)"/g, '$1');
}

function bad(why: string, cause?: unknown): ProtocolError {
  return new ProtocolError('E_PROTOCOL_LIBXL_JSON', `a libxl configuration cannot be read: ${why}`, {
    cause,
    hint: 'The configuration comes from the host that the guest was on; check that its toolstack is whole.',
  });
}
