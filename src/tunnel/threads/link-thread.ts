import { Socket } from 'node:net';
import process from 'node:process';
import { parentPort } from 'node:worker_threads';
import { TunnelError } from '../../errors/errors.js';
import { closeFd } from '../../posix/libc.js';
import type { KeepaliveOptions } from '../keepalive.js';
import type { Link } from '../link.js';
import { TlsDialer } from '../tls-dialer.js';
import { TlsGate, addressOf } from '../tls-gate.js';
import { WorkerLink, type Tell } from './worker-link.js';
import { carryOut } from './link-orders.js';
import { toThreadError, type ToThread } from './thread-messages.js';

/*
 * The entry point of a thread that holds links: connections and encryption. The main thread controls it.
 */

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a thread');

const tell: Tell = (message, transfer) => {
  port.postMessage(message, transfer);
};

const links = new Map<number, WorkerLink>();
/** Ends what has no link yet: a dial, or a connection in its handshake. */
const pending = new Map<number, () => void>();
/** By the number of the port that they belong to. */
const gates = new Map<number, TlsGate>();
/** Connections in their handshake, by the gate and the client's address and port. */
const arriving = new Map<string, number>();

function hold(id: number, link: Link, keepalive: KeepaliveOptions): WorkerLink {
  const held = new WorkerLink(id, link, keepalive, tell);
  links.set(id, held);
  return held;
}

/** Its connection is closed. The reason is sent first: it may have been refused before any request of the main thread. */
function forget(id: number): void {
  links.get(id)?.tellFailure();
  links.delete(id);
  pending.delete(id);
  tell({ tell: 'gone', id });
}

function openGate({ gate, credentials, handshakeMs, keepalive = {} }: Extract<ToThread, { do: 'gate' }>): void {
  const made = gates.get(gate);
  if (made !== undefined) {
    made.setCredentials(credentials);
    return;
  }
  const opened = new TlsGate({
    credentials,
    handshakeMs,
    onLink: (link, client) => {
      const id = arriving.get(`${gate} ${client}`);
      if (id === undefined) {
        link.destroy(new TunnelError('E_TUNNEL_CLOSED', 'this connection is not waited for'));
        return;
      }
      pending.delete(id);
      hold(id, link, keepalive).listen();
    },
    onRefused: ({ address, subject, reason }) => {
      tell({ tell: 'refused', gate, address, subject, error: toThreadError(reason) });
    },
  });
  gates.set(gate, opened);
}

function accept({ id, gate, fd }: Extract<ToThread, { do: 'accept' }>): void {
  const through = gates.get(gate);
  let socket: Socket | undefined;
  try {
    if (through !== undefined) socket = new Socket({ fd, readable: true, writable: true });
  } catch {
    // it is no connection any more
  }
  if (socket === undefined) {
    closeFd(fd);
    forget(id);
    return;
  }
  const moved = socket;
  const client = `${gate} ${addressOf(moved)}`;
  arriving.set(client, id);
  pending.set(id, () => moved.destroy());
  moved.once('close', () => {
    if (arriving.get(client) === id) arriving.delete(client);
    forget(id);
  });
  through?.admit(moved);
}

async function dial({ id, to, keepalive }: Extract<ToThread, { do: 'dial' }>): Promise<void> {
  const stop = new AbortController();
  pending.set(id, () => stop.abort(new TunnelError('E_TUNNEL_CLOSED', 'dialling was given up')));
  try {
    const link = await new TlsDialer(to).dial(stop.signal);
    pending.delete(id);
    hold(id, link, keepalive);
    link.duplex.once('close', () => forget(id));
  } catch (error) {
    tell({ tell: 'failed', id, error: toThreadError(error) });
    forget(id);
  }
}

port.on('message', (message: ToThread) => {
  switch (message.do) {
    case 'gate':
      openGate(message);
      return;
    case 'shut':
      gates.delete(message.gate);
      return;
    case 'accept':
      accept(message);
      return;
    case 'dial':
      void dial(message);
      return;
    case 'secure': // sent only to a thread that does TLS itself
      closeFd(message.fd);
      forget(message.id);
      return;
    case 'stop':
      process.exit();
      return;
    case 'destroy':
      pending.get(message.id)?.();
      links.get(message.id)?.destroy();
      return;
    default: {
      // A link that has just ended still receives messages under way.
      const link = links.get(message.id);
      if (link !== undefined) carryOut(link, message);
    }
  }
});
