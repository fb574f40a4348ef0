import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import typescript from 'typescript';
import { quoted, type LabHost } from './lab-host.js';

/** Beside the bundled agents: from there they, and the packages, are found. */
const FOLDER_THERE = '/opt/xenferry/dist/run';
const PUSH_MS = 120_000;

const compilerOptions = { target: typescript.ScriptTarget.ES2022, module: typescript.ModuleKind.ESNext };

/** What a program on a host says of each of its tests, and how it ended. */
export interface ProgramEnd {
  readonly lines: readonly unknown[];
  readonly status: number;
  readonly stderr: string;
}

/**
 * A program of `test/lab/on-host`, bundled to one file: it runs on a host in one process, since every start of node costs seconds
 * there. Its titles are known here, before any host is asked.
 */
export class HostProgram implements Disposable {
  readonly titles: readonly string[];
  readonly #folder: string;
  readonly #file: string;
  readonly #name: string;

  private constructor(folder: string, file: string, name: string) {
    this.#folder = folder;
    this.#file = file;
    this.#name = name;
    this.titles = JSON.parse(execFileSync(process.execPath, [file, '--list'], { encoding: 'utf8' })) as string[];
  }

  /** @param name of the file in `test/lab/on-host`, without its ending */
  static async make(name: string): Promise<HostProgram> {
    const cache = fileURLToPath(new URL('../../../.cache', import.meta.url));
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(join(cache, 'on-host-'));
    const onHost = (file: string): string => fileURLToPath(new URL(`../on-host/${file}.ts`, import.meta.url));
    const bundle = await rolldown({
      input: { [name]: onHost(name) },
      platform: 'node',
      resolve: { alias: { vitest: onHost('suite') } },
      external: ['koffi', 'ssh2', 'node-forge'],
      plugins: [
        {
          name: 'typescript',
          // Node 20 knows no `using`.
          transform: (code, id) =>
            id.endsWith('.ts')
              ? { code: typescript.transpileModule(code, { compilerOptions }).outputText, moduleType: 'js' }
              : undefined,
        },
      ],
    });
    await bundle.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs', codeSplitting: false });
    return new HostProgram(folder, join(folder, `${name}.mjs`), name);
  }

  /**
   * Runs it on a host until it ends, or the deadline has passed; what it said until then is kept.
   * @param words run only what has one of them in its title
   */
  async run(host: LabHost, deadlineMs: number, words: readonly string[] = []): Promise<ProgramEnd> {
    const there = `${FOLDER_THERE}/${this.#name}.mjs`;
    await host.put(readFileSync(this.#file), there, PUSH_MS);
    try {
      const { status, stdout, stderr } = await host.run(['node', there, ...words].map(quoted).join(' '), deadlineMs);
      const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
      return { lines: lines.map((line) => JSON.parse(line) as unknown), status, stderr };
    } finally {
      await host.run(`rm -f ${quoted(there)}`);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
