// What `xenferry receive` does at the far end, reduced to the transport: every link tells which one it
// is and echoes. Arguments: folder of the built program, run-time folder, then `--attach SOCKET` or nothing.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const [built, runtimeDir, ...rest] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(join(built, 'tunnel', 'ssh', name)).href);
const never = new AbortController().signal;

if (rest[0] === '--attach') {
  const { attachToSocket } = await load('attach.js');
  await attachToSocket(rest[1], process.stdin, process.stdout, never);
} else {
  const { ReceivingEnd } = await load('receiving-end.js');
  const { StdioDuplex } = await load('stdio-duplex.js');
  let links = 0;
  const end = await ReceivingEnd.open(
    {
      stdio: new StdioDuplex(process.stdin, process.stdout),
      runtimeDir,
      peer: { transport: 'ssh', name: 'tester', address: (process.env.SSH_CONNECTION ?? '').split(' ')[0] },
      onLink: (link) => {
        links += 1;
        if (links === 1) link.duplex.once('close', () => end[Symbol.asyncDispose]());
        link.duplex.write(`${process.pid} ${links}\n`);
        link.duplex.pipe(link.duplex);
      },
    },
    never,
  );
}
