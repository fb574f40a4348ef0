import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');

const packageSchema = z.object({
  name: z.string(),
  version: z.string(),
  dependencies: z.record(z.string(), z.string()),
});
const packSchema = z.tuple([z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })]);

const failedSchema = z.object({ stdout: z.string() });

/*
 * The package as it would be published, in a project of its own. Two things are not as for a user: the build of this run is packed
 * (`--ignore-scripts`), and the packages that it depends on are links to this project's, since an installation would need a registry.
 */
let project: string;
let files: string[];
beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'xenferry-package-'));
  const words = ['pack', '--ignore-scripts', '--json', '--pack-destination', project];
  const { stdout } = await run('npm', words, { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
  const [packed] = packSchema.parse(JSON.parse(stdout));
  files = packed.files.map(({ path }) => path);
  const installed = join(project, 'node_modules', 'xenferry');
  mkdirSync(installed, { recursive: true });
  await run('tar', ['-xzf', join(project, packed.filename), '-C', installed, '--strip-components=1']);
  const { dependencies } = packageSchema.parse(JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')));
  for (const name of [...Object.keys(dependencies), '@types/node']) {
    const link = join(project, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(MODULES, name), link);
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', type: 'module', private: true }));
}, 180_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the published package', () => {
  it('holds what it names, and nothing of the sources or the tests', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'bin/xenferry.js',
        'bin/xenferry-ssh.js',
        'dist/api/index.js',
        'dist/api/index.d.ts',
        'dist/cli/main.js',
        'examples/move-domain.mjs',
        'docs/reference/api.md',
        'LICENSE',
        'PROTOCOL.md',
        'README.md',
        'SECURITY.md',
        'CHANGELOG.md',
      ]),
    );
    expect(files.filter((path) => /^(src|test|scripts|bench|node_modules)\//.test(path))).toEqual([]);
  });

  it('runs as a command, on a host of its own', async () => {
    const program = join(project, 'node_modules', 'xenferry', 'bin', 'xenferry.js');
    const { stdout } = await run(process.execPath, [program, '-c', `embedded://${project}/host`, 'list', '--json']);
    expect(JSON.parse(stdout)).toEqual([]);
  });

  it('runs an example, which imports it by its name', async () => {
    cpSync(join(ROOT, 'examples', 'move-domain.mjs'), join(project, 'move-domain.mjs'));
    const words = ['move-domain.mjs', `embedded://${project}/host`, 'web1', 'xen+tls://127.0.0.1:1/system', project];
    const failed = run(process.execPath, words, { cwd: project });
    await expect(failed).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/^E_\w+: /m) as string });
  });

  it('lets nothing be imported but what it exports', async () => {
    const text = "import('xenferry/dist/api/internal/uris.js').catch((error) => console.log(error.code))";
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', text], { cwd: project });
    expect(stdout).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n');
  });

  it('type-checks the examples, and a program that is wrong does not pass, without skipLibCheck', async () => {
    for (const name of ['move-domain.mjs', 'watch-events.mjs', 'empty-host.mjs']) {
      cpSync(join(ROOT, 'examples', name), join(project, name));
    }
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'ES2022',
          lib: ['ES2023', 'ESNext.Disposable'],
          module: 'NodeNext',
          strict: true,
          allowJs: true,
          checkJs: true,
          noEmit: true,
          types: ['node'],
        },
        files: ['move-domain.mjs', 'watch-events.mjs', 'empty-host.mjs', 'wrong.ts'],
      }),
    );
    writeFileSync(
      join(project, 'wrong.ts'),
      "import { migrate, openHost } from 'xenferry';\nvoid migrate(await openHost(), { domain: 7, destination: '' });\n",
    );
    const tsc = join(MODULES, 'typescript', 'bin', 'tsc');
    const { stdout } = await run(process.execPath, [tsc, '-p', project]).catch((error: unknown) =>
      failedSchema.parse(error),
    );
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/wrong\.ts\(2,\d+\): error TS2322: Type 'number'/),
    ]);
  }, 180_000);
});
