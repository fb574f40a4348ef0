import type { CpuSet } from '../cpu-set.js';

/** A JSON value; integers may have 64 bits, and sets of processors become lists of numbers. */
export type Json = string | number | boolean | bigint | CpuSet | readonly Json[] | JsonObject;
/** An object of JSON. */
export interface JsonObject {
  readonly [name: string]: Json;
}

/** The object without undefined fields, which libxl chooses. */
export function given(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  const kept: Record<string, Json> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) kept[name] = value;
  return kept;
}

/** libxl's defbool; undefined leaves the choice to libxl. */
export function defbool(value: boolean | undefined): 'True' | 'False' | undefined {
  return value === undefined ? undefined : value ? 'True' : 'False';
}
