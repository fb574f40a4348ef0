// Compiles the encoder (assembly/) to WebAssembly, with npm's AssemblyScript and nothing else; not where the last one is newer than all
// that it is made of, since compiling takes seconds.
//   node scripts/wasm.mjs      to dist/codec/encoder.wasm
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'dist/codec/encoder.wasm');
const sources = readdirSync(join(root, 'assembly')).map((name) => join(root, 'assembly', name));

const changedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const newest = Math.max(...[...sources, fileURLToPath(import.meta.url), join(root, 'package.json')].map(changedAt));
if (changedAt(out) <= newest) {
  const { default: asc } = await import('assemblyscript/asc');
  mkdirSync(dirname(out), { recursive: true });
  // All of its memory is its host's: it has no data of its own, and allocates none.
  const options = [
    '-O3',
    '--noAssert',
    '--runtime',
    'stub',
    '--importMemory',
    '--sharedMemory',
    '--initialMemory',
    '1',
  ];
  options.push('--maximumMemory', '65536', '--enable', 'simd', '--enable', 'threads', '--enable', 'bulk-memory');
  const { error, stderr } = await asc.main([join(root, 'assembly/encoder.ts'), ...options, '--outFile', out]);
  const said = stderr.toString();
  if (said !== '') process.stderr.write(said);
  if (error !== null) process.exit(1);
}
