import { z } from '../../errors/zod.js';
import { ProtocolError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';

/** libxl writes -1, or nothing, before it has assigned a number. */
const nicsSchema = z.looseObject({
  nics: z
    .array(z.looseObject({ devid: z.int().min(-1).max(65_535).default(-1), mac: z.string().optional() }))
    .default([]),
});

/**
 * The device number of each network card of a running domain by its address in lower case, from libxl's JSON; a card
 * without a number has its index. @throws ProtocolError `E_PROTOCOL_LIBXL_JSON`
 */
export function nicNumbers(text: string): ReadonlyMap<string, number> {
  try {
    const { nics } = nicsSchema.parse(JSON.parse(text));
    return new Map(
      nics.flatMap(({ devid, mac }, place) =>
        mac === undefined ? [] : [[mac.toLowerCase(), devid < 0 ? place : devid] as const],
      ),
    );
  } catch (cause) {
    throw new ProtocolError(
      'E_PROTOCOL_LIBXL_JSON',
      `the network cards of a libxl configuration: ${messageOf(cause)}`,
      {
        cause,
        hint: 'The toolstack returned this configuration of the running domain; check the toolstack.',
      },
    );
  }
}
