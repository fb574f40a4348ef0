// Gives QEMU one command over its monitor socket, and prints the answer: node qmp.mjs SOCKET COMMAND
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [path, command] = process.argv.slice(2);
const socket = connect(path);
socket.setTimeout(10_000, () => {
  console.error(`QEMU does not answer at ${path}`);
  process.exit(1);
});
socket.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
const say = (execute) => socket.write(`${JSON.stringify({ execute })}\n`);
for await (const line of createInterface({ input: socket })) {
  const message = JSON.parse(line);
  if ('QMP' in message) say('qmp_capabilities');
  else if ('error' in message) {
    console.error(message.error.desc);
    process.exit(1);
  } else if ('return' in message) {
    if (socket.asked === true) {
      console.log(JSON.stringify(message.return));
      process.exit(0);
    }
    socket.asked = true;
    say(command);
  }
}
