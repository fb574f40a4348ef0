import { z } from 'zod';

/** A value that a schema takes, with one text in it replaced, and where that text stands. */
export interface TextField {
  /** `request.prepare.xml`: names of fields, `[]` for an element of a list, `{key}` and `{}` for a record's. */
  readonly path: string;
  readonly with: (text: string) => unknown;
}

/** Texts of which every string field of our schemas takes one. A field that takes none of them needs a candidate of its own here. */
const CANDIDATES = [
  'x',
  '4.17',
  'E_TEST',
  '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001',
  'ab'.repeat(32),
  'ab'.repeat(16),
  '2026-11-23T10:00:00.000Z',
  '/proc/1/fd/3',
  'a'.repeat(8),
];

interface Shape {
  /** A value with every optional part in it. */
  readonly whole: unknown;
  readonly texts: readonly TextField[];
}

/** Every text field of a schema, found in the schema itself: a field that is added later is in the list from then on. */
export function textFields(schema: z.core.$ZodType): readonly TextField[] {
  return variants(schema, '').flatMap(({ texts }) => texts);
}

/** What a schema takes, a shape for each alternative of its unions. */
function variants(schema: z.core.$ZodType, path: string): Shape[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'string':
      return [{ whole: candidateFor(schema, path), texts: [{ path, with: (text) => text }] }];
    case 'number':
      return [{ whole: [1, 2, 64].find((value) => accepts(schema, value)) ?? 0, texts: [] }];
    case 'boolean':
      return [{ whole: true, texts: [] }];
    case 'null':
      return [{ whole: null, texts: [] }];
    case 'unknown':
      return [{ whole: {}, texts: [] }];
    case 'literal':
      return def.values.map((whole) => ({ whole, texts: [] }));
    case 'enum':
      return [{ whole: Object.values(def.entries)[0], texts: [] }];
    case 'optional':
    case 'readonly':
    case 'nullable':
    case 'default':
      return variants(def.innerType, path);
    case 'pipe':
      return variants(def.in, path);
    case 'union':
      return def.options.flatMap((option) => variants(option, path));
    case 'array':
      return variants(def.element, `${path}[]`).map(({ whole, texts }) => ({
        whole: [whole],
        texts: texts.map((text) => ({ path: text.path, with: (poison) => [text.with(poison)] })),
      }));
    case 'record':
      return variants(def.valueType, `${path}{}`).map(({ whole, texts }) => ({
        whole: { key: whole },
        texts: [
          { path: `${path}{key}`, with: (poison) => ({ [poison]: whole }) },
          ...texts.map((text) => ({ path: text.path, with: (poison: string) => ({ key: text.with(poison) }) })),
        ],
      }));
    case 'object':
      return objects(def.shape, path);
    default:
      throw new Error(
        `${path}: no text is looked for in a schema of type ${def.type}; teach test/support/schema-texts.ts`,
      );
  }
}

/** An object for each alternative that a union among its fields has; the others keep their first. */
function objects(shape: Readonly<Record<string, z.core.$ZodType>>, path: string): Shape[] {
  const kind = kindOf(shape);
  const fields = Object.entries(shape).map(([name, schema]) => ({
    name,
    shapes: variants(schema, [path, kind, name].filter((part) => part !== '').join('.')),
  }));
  const most = Math.max(...fields.map(({ shapes }) => shapes.length));
  const seen = new Set<string>();
  return Array.from({ length: most }, (_, index) => {
    const chosen = fields.map(({ name, shapes }) => ({ name, shape: shapes[Math.min(index, shapes.length - 1)] }));
    const whole = Object.fromEntries(chosen.map(({ name, shape: { whole: value } }) => [name, value]));
    const texts = chosen.flatMap(({ name, shape: { texts: inner } }) =>
      inner.map((text) => ({ path: text.path, with: (poison: string) => ({ ...whole, [name]: text.with(poison) }) })),
    );
    const fresh = texts.filter((text) => !seen.has(text.path));
    for (const text of fresh) seen.add(text.path);
    return { whole, texts: fresh };
  });
}

/** What tells an alternative of a discriminated union from the others. */
function kindOf(shape: Readonly<Record<string, z.core.$ZodType>>): string {
  for (const name of ['type', 'kind']) {
    const schema = shape[name] as z.core.$ZodTypes | undefined;
    if (schema?._zod.def.type === 'literal') return String(schema._zod.def.values[0]);
  }
  return '';
}

function candidateFor(schema: z.core.$ZodType, path: string): string {
  const found = CANDIDATES.find((text) => accepts(schema, text));
  if (found === undefined) throw new Error(`${path}: takes none of the texts that test/support/schema-texts.ts knows`);
  return found;
}

function accepts(schema: z.core.$ZodType, value: unknown): boolean {
  return z.safeParse(schema, value).success;
}
