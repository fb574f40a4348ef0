// Runs a TypeScript program of the tests as a command: bundled in memory to one file, with the packages left outside.
//   node scripts/run-typescript.mjs ENTRY [WORD...]
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import typescript from 'typescript';

const compilerOptions = { target: 'ES2022', module: 'ESNext' };

const [, , entry, ...words] = process.argv;
if (entry === undefined) throw new Error('which program? node scripts/run-typescript.mjs ENTRY [WORD...]');
// Inside the project, so that the packages are found.
const cache = fileURLToPath(new URL('../.cache', import.meta.url));
mkdirSync(cache, { recursive: true });
const out = mkdtempSync(join(cache, 'run-'));
process.on('exit', () => rmSync(out, { recursive: true, force: true }));

const bundle = await rolldown({
  input: { program: resolve(entry) },
  platform: 'node',
  plugins: [
    {
      name: 'typescript',
      // Node 20 knows no `using`; TypeScript writes what stands for it into the file itself.
      transform: (code, id) =>
        id.endsWith('.ts')
          ? { code: typescript.transpileModule(code, { compilerOptions }).outputText, moduleType: 'js' }
          : undefined,
    },
  ],
  external: (id) => !id.startsWith('.') && !id.startsWith('/') && !id.includes(entry),
});
await bundle.write({ dir: out, format: 'esm', entryFileNames: '[name].js' });
process.argv.splice(1, 2 + words.length, resolve(entry), ...words);
await import(pathToFileURL(join(out, 'program.js')).href);
