import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * The file that a thread begins with: the compiled one next to the module that starts it.
 * @param name its file name, ending in `-thread.js`: the bundle keeps those as files of their own
 * @param from `import.meta.url` of that module; where it runs from its source (in a test), the last build's file is meant
 */
export function threadEntry(name: string, from: string): URL {
  const entry = new URL(`./${name}`, from);
  if (!from.endsWith('.ts')) return entry;
  const path = fileURLToPath(entry);
  const at = path.lastIndexOf('/src/');
  return pathToFileURL(`${path.slice(0, at)}/dist/${path.slice(at + '/src/'.length)}`);
}
