import process from 'node:process';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Argv } from 'yargs';
import type { ReachOptions } from '../api/migration.js';
import { ownSshEnvironment } from '../api/process/ssh-environment.js';
import type { SshEnvironment } from '../api/internal/ssh.js';

/** Options of the verbs that reach another host. */
export interface DialingOptions {
  readonly 'tls-dir'?: string | undefined;
  readonly transport?: 'ssh' | undefined;
  readonly 'remote-command'?: string | undefined;
}

/** The options as the API takes them. */
export function reachOptionsOf(options: DialingOptions): ReachOptions {
  return {
    tlsDir: options['tls-dir'],
    transport: options.transport,
    remoteCommand: options['remote-command'],
  };
}

export function dialingOptions<T>(yargs: Argv<T>): Argv<T & DialingOptions> {
  return yargs
    .option('tls-dir', { type: 'string', describe: 'xen+tls: folder with ca.pem, cert.pem and key.pem' })
    .option('transport', {
      choices: ['ssh'] as const,
      describe: 'xen+ssh: keep the data on ssh channels, no TLS lanes',
    })
    .option('remote-command', {
      type: 'string',
      describe: 'xen+ssh, xl+ssh: the program at the far host, if not xenferry or xl',
    });
}

/** The requester of a connection: whose keys ssh uses, and who is asked for a passphrase. */
export interface Asker {
  readonly environment: SshEnvironment;
  /** Undefined if no user can be asked. */
  readonly askPassphrase: ((file: string) => Promise<string | undefined>) | undefined;
}

/** This process and its terminal. */
export function ownAsker(): Asker {
  return {
    environment: ownSshEnvironment(),
    askPassphrase: process.stdin.isTTY ? askPassphrase : undefined,
  };
}

/** Asks on the terminal, without an echo. */
async function askPassphrase(file: string): Promise<string | undefined> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  process.stderr.write(`Passphrase for ${file}: `);
  try {
    return await new Promise<string | undefined>((resolve) => {
      lines.once('line', (line) => resolve(line === '' ? undefined : line));
      lines.once('close', () => resolve(undefined));
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
