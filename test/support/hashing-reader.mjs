// Stands for a restore: reads its standard input with read(2), as the plan says, and prints the SHA-256 and the length of
// what it has read. A plan is a list of "BYTES:PAUSE_MS", used over and over: read so many bytes, then pause.
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';

const plan = (process.argv[2] ?? '1048576:0').split(',').map((step) => step.split(':').map(Number));
const hash = createHash('sha256');
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const buffer = Buffer.alloc(1024 * 1024);
let total = 0;
let ended = false;

for (let turn = 0; !ended; turn += 1) {
  const [bytes, pauseMs] = plan[turn % plan.length];
  for (let left = bytes; left > 0;) {
    const count = readSync(0, buffer, 0, Math.min(left, buffer.length), null);
    if (count === 0) {
      ended = true;
      break;
    }
    hash.update(buffer.subarray(0, count));
    total += count;
    left -= count;
  }
  if (!ended && pauseMs > 0) Atomics.wait(sleeper, 0, 0, pauseMs);
}
process.stdout.write(`${hash.digest('hex')} ${total}\n`);
