import process from 'node:process';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { closeFd } from '../../posix/libc.js';
import { libssl } from '../../posix/tls/libssl.js';
import { Handshake } from './handshake.js';
import { PollLoop } from './poll-loop.js';
import { secureDialled } from './secure-dial.js';
import { SecureGate } from './secure-gate.js';
import { SecureLink, type Tell } from './secure-link.js';
import { carryOut } from './link-orders.js';
import type { ToThread } from './thread-messages.js';
import type { SecureThreadData } from './thread-start.js';

/*
 * The entry point of a thread that holds links and does their TLS itself, with Node's own libssl. It has a loop of its own while it
 * has a link, and waits in Node's otherwise.
 */

const port = parentPort;
const found = libssl();
if (port === null || found === undefined)
  throw new Error('this file is the entry of a thread, where libssl can be called');
const lib = found;
const own = port;

const tell: Tell = (message, transfer) => {
  port.postMessage(message, transfer);
};

const { state, wakeFd } = workerData as SecureThreadData;
const loop = new PollLoop(new Int32Array(state), wakeFd, () => {
  const next = receiveMessageOnPort(port);
  if (next === undefined) return false;
  hear(next.message as ToThread);
  return true;
});
/** By the number of the port that they belong to. */
const gates = new Map<number, SecureGate>();

function hear(message: ToThread): void {
  switch (message.do) {
    case 'gate': {
      const { gate, credentials } = message;
      const made = gates.get(gate);
      if (made === undefined) gates.set(gate, new SecureGate(lib, gate, message, loop, tell));
      else made.setCredentials(credentials);
      return;
    }
    case 'shut':
      gates.get(message.gate)?.close();
      gates.delete(message.gate);
      return;
    case 'accept': {
      const { id, gate, fd, client } = message;
      const through = gates.get(gate);
      if (through !== undefined) {
        through.admit(id, fd, client);
        return;
      }
      closeFd(fd);
      tell({ tell: 'gone', id });
      return;
    }
    case 'secure':
      secureDialled(lib, message, loop, tell);
      return;
    case 'dial': // the main thread dials for a thread of this kind
      tell({ tell: 'gone', id: message.id });
      return;
    case 'stop':
      stop();
      return;
    case 'destroy': {
      const held = loop.get(message.id);
      if (held instanceof SecureLink) held.destroy();
      if (held instanceof Handshake) {
        held.destroy();
        tell({ tell: 'gone', id: message.id });
      }
      return;
    }
    default: {
      // A link that has just ended still receives messages under way.
      const link = loop.get(message.id);
      if (link instanceof SecureLink) carryOut(link, message);
    }
  }
}

/** Closes sockets and frees sessions: what is not Node's own would outlive the thread. */
function stop(): void {
  loop.closeAll();
  for (const gate of gates.values()) gate.close();
  // Connections that were given to it and that it has not looked at.
  for (let left = receiveMessageOnPort(own); left !== undefined; left = receiveMessageOnPort(own)) {
    const message = left.message as ToThread;
    if (message.do === 'accept' || message.do === 'secure') closeFd(message.fd);
  }
  process.exit();
}

port.on('message', (message: ToThread) => {
  hear(message);
  loop.run();
  if (loop.isStopped()) stop();
});
