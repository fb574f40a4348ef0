import { dirname, join, normalize } from 'node:path/posix';

/** One import of a file, by value, by type, or while the program runs. */
export interface Import {
  /** Path below the folder of the sources. */
  readonly file: string;
  /** As it is written: relative, or the name of a package. */
  readonly from: string;
}

const IMPORT = /^(?:import|export)\s[^;]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gms;

export function importsIn(file: string, text: string): Import[] {
  return [...text.matchAll(IMPORT)].map((match) => ({ file, from: match.slice(1).find(Boolean) ?? '' }));
}

/** The file of the project that an import names; undefined where it names a package. */
export function targetOf({ file, from }: Import): string | undefined {
  if (!from.startsWith('.')) return undefined;
  return normalize(join(dirname(file), from)).replace(/\.js$/, '.ts');
}

export type Arrow = readonly [from: string, to: string];

export function arrowsOf(imports: readonly Import[]): Arrow[] {
  return imports.flatMap((one) => {
    const target = targetOf(one);
    return target === undefined ? [] : [[one.file, target] as const];
  });
}

/** Sets of nodes that reach each other along the arrows (Tarjan), each sorted. */
export function circlesOf(arrows: readonly Arrow[]): string[][] {
  const next = new Map<string, string[]>();
  for (const [from, to] of arrows) {
    if (from !== to) next.set(from, [...(next.get(from) ?? []), to]);
  }
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (node: string): void => {
    const at = index.size;
    index.set(node, at);
    low.set(node, at);
    stack.push(node);
    for (const other of next.get(node) ?? []) {
      if (!index.has(other)) visit(other);
      if (stack.includes(other)) low.set(node, Math.min(low.get(node)!, low.get(other)!));
    }
    if (low.get(node) !== at) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) circles.push(circle.sort());
  };
  for (const node of next.keys()) if (!index.has(node)) visit(node);
  return circles;
}

/**
 * Circles among what lies directly in one folder, at every depth: its files, and its folders each taken as one with all that is in
 * them. A folder and a folder inside it are no circle.
 */
export function folderCirclesOf(arrows: readonly Arrow[]): string[][] {
  const folders = new Set(arrows.flat().flatMap((file) => parentsOf(file)));
  return [...folders].flatMap((folder) => {
    const inside = arrows.flatMap(([from, to]) => {
      const one = entryOf(folder, from);
      const other = entryOf(folder, to);
      return one === undefined || other === undefined ? [] : [[one, other] as const];
    });
    return circlesOf(inside);
  });
}

function parentsOf(file: string): string[] {
  const names = file.split('/');
  return names.map((_, depth) =>
    names
      .slice(0, depth)
      .map((name) => `${name}/`)
      .join(''),
  );
}

/** What lies directly in a folder and is, or holds, a file. */
function entryOf(folder: string, file: string): string | undefined {
  return file.startsWith(folder) ? folder + file.slice(folder.length).split('/')[0] : undefined;
}

/** Imports that go up, or sideways, where `rows` has the entries of a folder from the top down. */
export function upwards(imports: readonly Import[], rows: readonly (readonly string[])[], folder = ''): string[] {
  const rowOf = new Map(rows.flatMap((names, row) => names.map((name) => [folder + name, row] as const)));
  return imports.flatMap((one) => {
    const target = targetOf(one);
    const from = entryOf(folder, one.file);
    const to = target === undefined ? undefined : entryOf(folder, target);
    if (from === undefined || to === undefined || from === to) return [];
    const fromRow = rowOf.get(from);
    const toRow = rowOf.get(to);
    if (fromRow === undefined || toRow === undefined || toRow > fromRow) return [];
    return [`${one.file} imports ${one.from}`];
  });
}
