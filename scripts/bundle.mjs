// Joins the built program into few files: node reads and compiles a hundred small modules and whole libraries
// slowly, and every verb and agent is a process of its own.
//   node scripts/bundle.mjs [FOLDER [ENTRY]]      dist/run where no folder is named; ENTRY instead of the verbs
import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const [, , out = join(dist, 'run'), entry] = process.argv;

/** The program, and every file that is started as a process or thread of its own. */
const entries = readdirSync(dist, { recursive: true })
  .map(String)
  .filter((file) => /-(agent|thread)\.js$/.test(file) && !/^(run|bench)\//.test(file))
  .map((file) => [basename(file, '.js'), join(dist, file)]);

/**
 * What even the shortest verb needs, and needs no library for: one file, since node takes as long to find and link a small module as to
 * run a large one. Whatever of it would lead to the rest of the program does not belong here.
 */
const LIGHT = new RegExp(
  `/dist/(${[
    'errors/(codes|codes/.*|deadline|errors|message-of|printable|shell-words|wire|zod-mini)',
    'channel/.*',
    'api/errors',
    'api/process/(config-file|host-location|lanes|package-root|ssh-environment|version)',
    'cli/(bytes-text|colours|daemon-error|dialing-options|exit|global-options|output|progress|result|ssh-peer|stop-signals|transfer-figures|verb-options)',
    'cli/daemon/(control-messages|daemon-client|forward-to-daemon|remote-argv)',
    'cli/migrate/format-result',
    'cli/commands/migrate',
    'codec/levels',
    'host/access/ssh-rules',
    'host/config/uri',
    'host/jobs/(open-socket|short-socket-path)',
    'migration/migration-error',
    'posix/durable-file',
    'tunnel/ssh/attach',
    'tunnel/window',
  ].join('|')})\\.js$|/picocolors/|/zod/v4/(mini|core)/`,
);

rmSync(out, { recursive: true, force: true });
const bundle = await rolldown({
  input: {
    ...(entry === undefined
      ? {
          main: join(dist, 'cli/main.js'),
          'relay-words': join(dist, 'cli/relay-words.js'),
          'compile-cache': join(dist, 'cli/compile-cache.js'),
        }
      : { [basename(entry).replace(/\.m?js$/, '')]: entry }),
    ...Object.fromEntries(entries),
  },
  platform: 'node',
  resolve: { alias: { 'string-width': fileURLToPath(new URL('plain-width.mjs', import.meta.url)) } },
  // These bring machine code of their own, or are loaded by few verbs.
  external: ['koffi', 'ssh2', 'node-forge'],
});
await bundle.write({
  dir: out,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'part-[name].js',
  codeSplitting: { groups: [{ name: 'light', test: LIGHT }] },
  minify: { compress: true, mangle: false, codegen: false },
});
// Looked for next to the code that loads it.
copyFileSync(join(dist, 'codec/encoder.wasm'), join(out, 'encoder.wasm'));
