// Threads of others: processes that never rest, so that a run shows what the design does on a busy host.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Starts so many; `stop` ends them and waits. */
export function startBusyLoops(count) {
  const loops = Array.from({ length: count }, () => spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }));
  return {
    stop: () =>
      Promise.all(
        loops.map(async (loop) => {
          const ended = once(loop, 'exit');
          loop.kill('SIGKILL');
          await ended;
        }),
      ),
  };
}
