import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * The compiled JavaScript file of an agent's entry point, which is next to the module that starts
 * it. A module that runs from its TypeScript source (in a test) starts the agent of the last build:
 * node cannot run the source.
 * @param importer the starting module's `import.meta.url`
 * @param file the entry's path from there, ending in `.js`
 */
export function agentEntry(importer: string, file: `./${string}.js`): URL {
  const entry = new URL(file, importer);
  if (!importer.endsWith('.ts')) return entry;
  const path = fileURLToPath(entry);
  const at = path.lastIndexOf('/src/');
  return pathToFileURL(`${path.slice(0, at)}/dist/${path.slice(at + '/src/'.length)}`);
}
