import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  arrowsOf,
  circlesOf,
  folderCirclesOf,
  importsIn,
  targetOf,
  upwards,
  type Arrow,
  type Import,
} from '../../support/import-graph.js';

const SRC = fileURLToPath(new URL('../../../src', import.meta.url));

/**
 * The layers, from the top down (docs/internals/architecture.md). A layer imports from rows below its own, never from
 * its own row and never upwards.
 */
const ROWS: readonly (readonly string[])[] = [
  ['cli'],
  ['api'],
  ['fleet', 'libvirt'],
  ['migration'],
  ['operations'],
  ['host'],
  ['source', 'dest'],
  ['toolstack', 'tunnel', 'codec', 'cookie', 'journal', 'savefile', 'pki'],
  ['savestream', 'domain', 'control', 'handover'],
  ['channel'],
  ['xml', 'posix'],
  ['errors', 'buffers'],
];
const LAYERS = new Set(ROWS.flat());

/** The folders inside a layer, likewise. */
const ROWS_INSIDE: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'operations/': [
    ['watch'],
    ['lifecycle', 'tuning', 'devices', 'addresses'],
    ['saving', 'usb'],
    ['definition', 'statistics'],
    ['running'],
  ],
  'api/': [['process', 'internal'], ['options']],
  'migration/': [['recover', 'server'], ['connect'], ['xl']],
  'libvirt/': [['server'], ['calls'], ['wire']],
};

/** Layers that touch neither files nor sockets nor clocks: bytes in, bytes or values out. */
const PURE = ['savestream', 'domain', 'control', 'handover', 'cookie', 'xml', 'errors', 'savefile', 'buffers'];
const IO_MODULES = /^node:(fs|net|tls|child_process|http|https|dgram|os|worker_threads)/;

/** Packages that one layer alone may know. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  koffi: ['posix', 'toolstack/libxl'],
  ssh2: ['tunnel'],
  'node-forge': ['pki'],
  yargs: ['cli'],
  saxes: ['xml'],
  picocolors: ['cli'],
  zod: ['errors/zod.ts'],
  'zod/mini': ['errors/zod-mini.ts'],
};

function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? sourceFiles(join(dir, entry.name)) : [join(dir, entry.name)],
  );
}

const paths = sourceFiles(SRC).filter((path) => path.endsWith('.ts'));
const files = paths.map((path) => relative(SRC, path));
const imports = paths.flatMap((path) => importsIn(relative(SRC, path), readFileSync(path, 'utf8')));

const layerOf = (file: string): string => file.split('/')[0];
const targetLayer = (one: Import): string | undefined => {
  const target = targetOf(one);
  return target === undefined ? undefined : layerOf(target);
};
const listed = (wrong: readonly Import[]): string[] => wrong.map((one) => `${one.file} imports ${one.from}`);

describe('the arrows between the layers', () => {
  it('sees the code', () => {
    expect(files.length).toBeGreaterThan(60);
    expect(imports.length).toBeGreaterThan(200);
    expect(arrowsOf(imports).filter(([, target]) => !files.includes(target))).toEqual([]);
  });

  it('knows every layer', () => {
    expect([...new Set(files.map(layerOf))].filter((layer) => !LAYERS.has(layer))).toEqual([]);
  });

  it('go down only', () => {
    expect(upwards(imports, ROWS)).toEqual([]);
  });

  it.each(Object.entries(ROWS_INSIDE))('go down only inside %s', (folder, rows) => {
    const folders = files.filter((file) => file.startsWith(folder)).map((file) => file.slice(folder.length).split('/'));
    const unknown = folders.filter((names) => names.length > 1 && !rows.flat().includes(names[0]));
    expect(unknown).toEqual([]);
    expect(upwards(imports, rows, folder)).toEqual([]);
  });

  it('tie no circle of files, by value or by type', () => {
    expect(circlesOf(arrowsOf(imports))).toEqual([]);
  });

  it('tie no circle of folders', () => {
    expect(folderCirclesOf(arrowsOf(imports))).toEqual([]);
  });

  it('bring the command line in through the API alone', () => {
    const lower = imports.filter(
      (one) => layerOf(one.file) === 'cli' && !['cli', 'api', undefined].includes(targetLayer(one)),
    );
    expect(listed(lower)).toEqual([]);
  });

  it('keep what `internal` passes on free of code of its own', () => {
    const wrong = files
      .filter((file) => file.startsWith('api/internal/'))
      .filter(
        (file) =>
          !/^(\/\*(?:[^*]|\*(?!\/))*\*\/\s*|export (type )?\{[^}]*\} from '[^']+';\s*)+$/.test(
            readFileSync(join(SRC, file), 'utf8'),
          ),
      );
    expect(wrong).toEqual([]);
  });

  it('keep the tunnel blind and the cookie alone', () => {
    const allowed: Record<string, string[]> = {
      tunnel: ['errors', 'buffers', 'posix'],
      cookie: ['errors', 'xml', 'domain'],
      pki: ['errors', 'posix'],
    };
    const wrong = imports.filter((one) => {
      const layer = layerOf(one.file);
      const target = targetLayer(one);
      return layer in allowed && target !== undefined && target !== layer && !allowed[layer].includes(target);
    });
    expect(listed(wrong)).toEqual([]);
  });

  it('keep files, sockets and processes out of the pure layers', () => {
    expect(listed(imports.filter((one) => PURE.includes(layerOf(one.file)) && IO_MODULES.test(one.from)))).toEqual([]);
  });

  it('keep each package in the layer that owns it', () => {
    const wrong = imports.filter((one) => {
      const owners = new Map(Object.entries(OWNERS)).get(one.from);
      return owners?.some((owner) => one.file.startsWith(owner)) === false;
    });
    expect(listed(wrong)).toEqual([]);
  });

  it('leave the environment to the API, the console and exit to the command line and the agents', () => {
    const wrong = files.filter((file) => {
      if (file.startsWith('cli') || file.startsWith('toolstack')) return false;
      const text = readFileSync(join(SRC, file), 'utf8');
      // Which host is opened by default is a matter of the environment; the API prints nothing and ends no process.
      // One switch of the lanes is read where it is needed: it is for comparisons, and no setting.
      const mayAsk = file.startsWith('api/') || file === 'tunnel/threads/thread-kind.ts';
      if (!mayAsk && text.includes('process.env')) return true;
      // The entry of a thread ends that thread alone.
      if (/^tunnel\/threads\/[a-z]+-thread\.ts$/.test(file)) return false;
      return /process\.(exit|argv|stdout|stderr)|(?<![\w.])console\.(log|error|warn|info|debug)\b/.test(text);
    });
    expect(wrong).toEqual([]);
  });
});

describe('the checks of the arrows', () => {
  const made = (...texts: readonly (readonly [file: string, text: string])[]): Import[] =>
    texts.flatMap(([file, text]) => importsIn(file, text));

  it.each([
    ['by value', "import { b } from './b.js';"],
    ['by type', "import type { B } from './b.js';"],
    ['of several lines', "import {\n  a,\n  b,\n} from './b.js';"],
    ['that is passed on', "export { b } from './b.js';"],
    ['of a module that is loaded when needed', "const b = await import('./b.js');"],
  ])('find a circle of files through an import %s', (_, text) => {
    const circle = made(
      ['x/a.ts', text],
      ['x/b.ts', "import { c } from '../y/c.js';"],
      ['y/c.ts', "import '../x/a.js';"],
    );
    expect(circlesOf(arrowsOf(circle))).toEqual([['x/a.ts', 'x/b.ts', 'y/c.ts']]);
    expect(circlesOf(arrowsOf(circle.slice(0, -1)))).toEqual([]);
  });

  it('find a circle of folders whose files tie none, at any depth', () => {
    const arrows: Arrow[] = [
      ['top/one/a.ts', 'top/two/b.ts'],
      ['top/two/c.ts', 'top/one/deep/d.ts'],
      ['top/one/deep/d.ts', 'top/one/e.ts'],
    ];
    expect(circlesOf(arrows)).toEqual([]);
    expect(folderCirclesOf(arrows)).toEqual([['top/one', 'top/two']]);
    expect(folderCirclesOf(arrows.slice(1))).toEqual([]);
  });

  it('find a file and a folder beside it that need each other', () => {
    const arrows: Arrow[] = [
      ['x/dialer.ts', 'x/threads/pool.ts'],
      ['x/threads/entry.ts', 'x/dialer.ts'],
    ];
    expect(folderCirclesOf(arrows)).toEqual([['x/dialer.ts', 'x/threads']]);
  });

  it('find an arrow upwards and one sideways, in layers and inside one', () => {
    const wrong = made(
      ['high/a.ts', "import '../low/b.js';"],
      ['low/b.ts', "import '../high/c.js';"],
      ['low/b.ts', "import type { D } from '../side/d.js';"],
    );
    expect(upwards(wrong, [['high'], ['low', 'side']])).toEqual([
      'low/b.ts imports ../high/c.js',
      'low/b.ts imports ../side/d.js',
    ]);
    const inside = made(['in/low/b.ts', "import '../high/c.js';"]);
    expect(upwards(inside, [['high'], ['low']], 'in/')).toEqual(['in/low/b.ts imports ../high/c.js']);
  });
});
