import { z } from '../../errors/zod.js';

/** Between the keys of a path; no key of libxl's has it. */
export const SEPARATOR = '/';

/** A schema without its wrappers, such as optional and default. */
function bare(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return bare(schema.unwrap());
  }
  return schema instanceof z.ZodPipe ? bare(schema.in) : schema;
}

/**
 * The paths of all values that a schema reads, `*` for the members of a list of objects. A list of plain values is one
 * value.
 * @param at path of the schema; empty: the root
 */
export function readPaths(schema: unknown, at = ''): string[] {
  const inner = bare(schema);
  if (inner instanceof z.ZodObject) {
    const below = at === '' ? '' : `${at}${SEPARATOR}`;
    return Object.entries(inner.shape).flatMap(([key, field]) => readPaths(field, `${below}${key}`));
  }
  if (inner instanceof z.ZodArray) {
    const members = `${at}${SEPARATOR}*`;
    const read = readPaths(inner.element, members);
    return read.length === 1 && read[0] === members ? [at] : read;
  }
  return [at];
}
