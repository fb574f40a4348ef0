// Joins this terminal to a host's serial console: node console.mjs SOCKET. Ctrl-] leaves it.
import { connect } from 'node:net';

const CTRL_BRACKET = 0x1d;
const socket = connect(process.argv[2]);
const leave = (code) => {
  if (process.stdin.isTTY) process.stdin.setRawMode(false);
  process.exit(code);
};
socket.on('error', (error) => {
  console.error(error.message);
  leave(1);
});
socket.on('close', () => leave(0));
socket.pipe(process.stdout);
if (process.stdin.isTTY) process.stdin.setRawMode(true);
process.stdin.on('data', (chunk) => {
  if (chunk.includes(CTRL_BRACKET)) leave(0);
  socket.write(chunk);
});
process.stdin.on('end', () => leave(0));
