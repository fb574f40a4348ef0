import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Tests that start processes run the built program: build it once, before any of them. */
export default function setup(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
}
