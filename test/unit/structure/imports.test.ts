import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../../../src', import.meta.url));

/**
 * The rooms, from the top down (ARCHITECTURE.md). A room imports from rows below its own, never from
 * its own row and never upwards.
 */
const ROWS: readonly (readonly string[])[] = [
  ['cli'],
  ['fleet'],
  ['driver'],
  ['source', 'dest'],
  ['toolstack', 'tunnel', 'codec', 'cookie', 'journal', 'savefile', 'pki'],
  ['savestream', 'domain', 'control', 'handover'],
  ['xml', 'posix'],
  ['errors', 'buffers'],
];
const ROW_OF = new Map(ROWS.flatMap((rooms, row) => rooms.map((room) => [room, row] as const)));

/** Rooms that touch neither files nor sockets nor clocks: bytes in, bytes or values out. */
const PURE = ['savestream', 'domain', 'control', 'handover', 'cookie', 'xml', 'errors', 'savefile', 'buffers'];
const IO_MODULES = /^node:(fs|net|tls|child_process|http|https|dgram|os|worker_threads)/;

/** Packages that one room alone may know. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  koffi: ['posix', 'toolstack/libxl'],
  ssh2: ['tunnel'],
  'node-forge': ['pki'],
  yargs: ['cli'],
  saxes: ['xml'],
  picocolors: ['cli'],
};

interface Import {
  readonly file: string;
  readonly room: string;
  readonly from: string;
}

function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? sourceFiles(join(dir, entry.name)) : [join(dir, entry.name)],
  );
}

function importsOf(path: string): Import[] {
  const file = relative(SRC, path);
  const room = file.split(sep)[0];
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/^(?:import|export)\s[^;]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gms)].map(
    (match) => ({ file, room, from: match.slice(1).find(Boolean) ?? '' }),
  );
}

const files = sourceFiles(SRC).filter((path) => path.endsWith('.ts'));
const imports = files.flatMap(importsOf);

const roomOf = ({ file, from }: Import): string | undefined =>
  from.startsWith('.') ? relative(SRC, join(SRC, file, '..', from)).split(sep)[0] : undefined;

describe('the arrows between the rooms', () => {
  it('sees the code', () => {
    expect(files.length).toBeGreaterThan(60);
    expect(imports.length).toBeGreaterThan(200);
  });

  it('knows every room', () => {
    expect(
      [...new Set(files.map((path) => relative(SRC, path).split(sep)[0]))].filter((room) => !ROW_OF.has(room)),
    ).toEqual([]);
  });

  it('go down only', () => {
    const wrong = imports.filter((one) => {
      const target = roomOf(one);
      return target !== undefined && target !== one.room && ROW_OF.get(target)! <= ROW_OF.get(one.room)!;
    });
    expect(wrong.map((one) => `${one.file} imports ${one.from}`)).toEqual([]);
  });

  it('keep the tunnel blind and the cookie alone', () => {
    const allowed: Record<string, string[]> = {
      tunnel: ['errors', 'buffers'],
      cookie: ['errors', 'xml', 'domain'],
      pki: ['errors', 'posix'],
    };
    const wrong = imports.filter((one) => {
      const target = roomOf(one);
      return one.room in allowed && target !== undefined && target !== one.room && !allowed[one.room].includes(target);
    });
    expect(wrong.map((one) => `${one.file} imports ${one.from}`)).toEqual([]);
  });

  it('keep files, sockets and processes out of the pure rooms', () => {
    const wrong = imports.filter((one) => PURE.includes(one.room) && IO_MODULES.test(one.from));
    expect(wrong.map((one) => `${one.file} imports ${one.from}`)).toEqual([]);
  });

  it('keep each package in the room that owns it', () => {
    const wrong = imports.filter((one) => {
      const owners = new Map(Object.entries(OWNERS)).get(one.from);
      return owners?.some((owner) => one.file.startsWith(owner)) === false;
    });
    expect(wrong.map((one) => `${one.file} imports ${one.from}`)).toEqual([]);
  });

  it('leave the environment, the console and exit to the command line and the agents', () => {
    const wrong = files.filter((path) => {
      const file = relative(SRC, path);
      if (file.startsWith('cli') || file.startsWith('toolstack')) return false;
      return /process\.(env|exit|argv|stdout|stderr)|(?<![\w.])console\.(log|error|warn|info|debug)\b/.test(
        readFileSync(path, 'utf8'),
      );
    });
    expect(wrong.map((path) => relative(SRC, path))).toEqual([]);
  });
});
