import type { CpuSet } from '../cpu-set.js';

/** A value of JSON whose integers may be 64 bits wide, and sets of processors, which become lists of numbers. */
export type Json = string | number | boolean | bigint | CpuSet | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** The object without what is undefined: what libxl shall choose is left out. */
export function given(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  const kept: Record<string, Json> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) kept[name] = value;
  return kept;
}

/** libxl's defbool; undefined leaves the choice to libxl. */
export function defbool(value: boolean | undefined): 'True' | 'False' | undefined {
  return value === undefined ? undefined : value ? 'True' : 'False';
}
