import { z } from 'zod';

const nicsSchema = z.looseObject({
  nics: z.array(z.looseObject({ devid: z.int().min(0).max(65_535).optional(), mac: z.string().optional() })).optional(),
});

/** The device number of each network card of a running domain by its address in lower case, from libxl's JSON. */
export function nicNumbers(text: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const { devid, mac } of nicsSchema.parse(JSON.parse(text)).nics ?? []) {
    if (mac !== undefined) numbers.set(mac.toLowerCase(), devid ?? 0);
  }
  return numbers;
}
