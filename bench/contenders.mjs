// Who is compared: each with the same cipher, AES-128-GCM, where it has one.
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Side } from './sides.mjs';

/** Bundled, as an installed xenferry is. */
const ENDPOINT = fileURLToPath(new URL('../dist/bench/endpoint.js', import.meta.url));
const CIPHER = 'ECDHE-ECDSA-AES128-GCM-SHA256';
/** socat moves 8 KiB at a time unless told otherwise. */
const SOCAT = 'socat -u -b 131072';

export const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const has = (program) => ['/usr/bin', '/usr/sbin', '/bin', '/sbin'].some((dir) => existsSync(join(dir, program)));

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when somebody listens there, without connecting to it where that would use it up. */
async function listening(port) {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const { readFileSync } = await import('node:fs');
  for (;;) {
    const table = ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFileSync(path, 'utf8')).join('\n');
    if (new RegExp(`:${hex} [0-9A-F]+:0000 0A`).test(table)) return;
    await sleep(5);
  }
}

/** What every contender needs: keys and certificates that nobody uses again. */
export function makeKeys(dir) {
  const run = (program, ...args) => execFileSync(program, args, { stdio: ['ignore', 'ignore', 'ignore'] });
  const cert = join(dir, 'cert.pem');
  const key = join(dir, 'key.pem');
  run(
    'openssl',
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
    '-keyout',
    key,
    '-out',
    cert,
  );
  execFileSync('sh', ['-c', `cat ${quoted(key)} ${quoted(cert)} > ${quoted(join(dir, 'both.pem'))}`]);
  if (has('ssh-keygen')) {
    for (const name of ['host', 'user']) run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(dir, name));
    execFileSync('cp', [join(dir, 'user.pub'), join(dir, 'authorized')]);
  }
}

/** A pair of shell commands: the receiver listens on a port, the sender goes there. */
function pair({ receive, send, ready = listening }) {
  return async (dir, input) => {
    const port = await freePort();
    const feed = `cat ${input.files.map(quoted).join(' ')}`;
    const receiver = new Side(receive({ dir, port }));
    await ready(port);
    return {
      receiver,
      go: async () => {
        const sender = new Side(send({ dir, port, feed }));
        const code = await sender.ended;
        if (code !== 0) throw new Error(`the sender ended with ${code}`);
        return sender;
      },
    };
  };
}

/** With what the sink says when it has everything. */
const sink = 'cat >/dev/null && echo done';
const tls = `cert=both.pem,verify=0,cipher=${CIPHER},openssl-max-proto-version=TLS1.2`;
const connectTls = (port) => `OPENSSL:127.0.0.1:${port},verify=0,cipher=${CIPHER},openssl-max-proto-version=TLS1.2`;

/** The receiving end: ready, with the port it listens on. */
async function receivingEnd(dir) {
  const receiver = new Side(`node ${quoted(ENDPOINT)} receive ${quoted(dir)} 2>${quoted(join(dir, 'receive.log'))}`);
  const { port } = JSON.parse(await receiver.line());
  return { receiver, port };
}

function checked(said, input) {
  if (said.rawBytes !== input.rawBytes) throw new Error(`xenferry sent ${said.rawBytes} bytes`);
  return said;
}

const optionsOf = (input, { lanes, compression }) => JSON.stringify({ files: input.files, lanes, compression });

/** Two processes for each run; the sending one starts within the time that is measured. */
const cold = (changed = {}) => ({
  needs: [],
  start: async (dir, input, settings) => {
    const { receiver, port } = await receivingEnd(dir);
    return {
      receiver,
      finish: async () => {
        receiver.child.stdin.write('\n');
        Object.assign(receiver, { said: JSON.parse(await receiver.line()) });
      },
      go: async () => {
        const text = optionsOf(input, { ...settings, ...changed });
        const sender = new Side(`node ${quoted(ENDPOINT)} send ${quoted(dir)} ${port} ${quoted(text)}`);
        sender.said = checked(JSON.parse(await sender.line()), input);
        await sender.ended;
        return sender;
      },
    };
  },
});

/** Two processes for all runs of a length, as between daemons. */
class WarmPair {
  static async open(dir) {
    const { receiver, port } = await receivingEnd(dir);
    const sender = new Side(`node ${quoted(ENDPOINT)} stay ${quoted(dir)} ${port}`);
    await sender.line();
    return new WarmPair(receiver, sender);
  }

  constructor(receiver, sender) {
    this.receiver = receiver;
    this.sender = sender;
  }

  async run(input, settings) {
    const before = this.#cpuSeconds();
    const since = process.hrtime.bigint();
    this.sender.child.stdin.write(`${optionsOf(input, settings)}\n`);
    const said = checked(JSON.parse(await this.sender.line()), input);
    const seconds = Number(process.hrtime.bigint() - since) / 1e9;
    this.receiver.child.stdin.write('again\n');
    await this.receiver.line();
    return { said, seconds, cpuSeconds: this.#cpuSeconds() - before };
  }

  /** Of both ends, and of the programs that they have started and that have ended. */
  #cpuSeconds() {
    return this.receiver.groupCpuSeconds() + this.sender.groupCpuSeconds();
  }

  close() {
    this.sender.stop();
    this.receiver.stop();
  }
}

export const CONTENDERS = {
  xenferry: cold(),
  'xenferry-warm': { needs: [], isWarm: true, open: (dir) => WarmPair.open(dir) },
  'xenferry-plain': cold({ compression: 'none' }),
  openssh: {
    needs: ['sshd', 'ssh'],
    staysUp: true,
    start: pair({
      receive: ({ dir, port }) =>
        `mkdir -p /run/sshd; /usr/sbin/sshd -D -f /dev/null -p ${port} -h ${quoted(join(dir, 'host'))} -o ListenAddress=127.0.0.1 -o PidFile=none -o UsePAM=no -o StrictModes=no -o LogLevel=ERROR -o AuthorizedKeysFile=${quoted(join(dir, 'authorized'))} & trap 'kill $!; wait $!; times >&3; exit 0' TERM; wait $!`,
      send: ({ dir, port, feed }) =>
        `${feed} | ssh -F /dev/null -p ${port} -i ${quoted(join(dir, 'user'))} -c aes128-gcm@openssh.com -o Compression=no -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR 127.0.0.1 'cat >/dev/null'`,
    }),
  },
  'socat-tls': {
    needs: ['socat'],
    start: pair({
      receive: ({ dir, port }) =>
        `cd ${quoted(dir)}; ${SOCAT} OPENSSL-LISTEN:${port},bind=127.0.0.1,${tls} - | ${sink}`,
      send: ({ port, feed }) => `${feed} | ${SOCAT} - ${connectTls(port)}`,
    }),
    saysDone: true,
  },
  'zstd-socat-tls': {
    needs: ['socat', 'zstd'],
    start: pair({
      receive: ({ dir, port }) =>
        `cd ${quoted(dir)}; ${SOCAT} OPENSSL-LISTEN:${port},bind=127.0.0.1,${tls} - | zstd -q -d -c | ${sink}`,
      send: ({ port, feed }) => `${feed} | zstd -q -1 -c | ${SOCAT} - ${connectTls(port)}`,
    }),
    saysDone: true,
  },
  stunnel: {
    needs: ['stunnel4'],
    staysUp: true,
    start: pair({
      receive: ({ dir, port }) => {
        const conf = join(dir, 'stunnel-server.conf');
        const done = join(dir, 'sink.sh');
        writeFileSync(done, '#!/bin/sh\ncat >/dev/null\necho done >&4\n', { mode: 0o700 });
        writeFileSync(
          conf,
          `foreground = quiet\npid =\nsyslog = no\ndebug = 3\nsslVersionMax = TLSv1.2\nciphers = ${CIPHER}\n[bench]\naccept = 127.0.0.1:${port}\ncert = ${join(dir, 'both.pem')}\nexec = ${done}\n`,
        );
        return `exec 4>&1; stunnel4 ${quoted(conf)} & trap 'kill $!; wait $!; times >&3; exit 0' TERM; wait $!`;
      },
      send: ({ dir, port, feed }) => {
        const conf = join(dir, 'stunnel-client.conf');
        writeFileSync(
          conf,
          `foreground = quiet\npid =\nsyslog = no\ndebug = 3\nsslVersionMax = TLSv1.2\nciphers = ${CIPHER}\nclient = yes\nverifyChain = no\nconnect = 127.0.0.1:${port}\n`,
        );
        return `${feed} | stunnel4 ${quoted(conf)}`;
      },
    }),
    saysDone: true,
  },
  'socat-tcp': {
    needs: ['socat'],
    start: pair({
      receive: ({ port }) => `${SOCAT} TCP-LISTEN:${port},bind=127.0.0.1 - | ${sink}`,
      send: ({ port, feed }) => `${feed} | ${SOCAT} - TCP:127.0.0.1:${port}`,
    }),
    saysDone: true,
  },
};

/** Debian's packages for what is missing; an empty list where all is there. */
export function missingPrograms(name) {
  return CONTENDERS[name].needs.filter((program) => !has(program));
}

/** Makes sure that nothing is left of a run. */
export async function endSide(side) {
  side.stop();
  await side.ended;
}
