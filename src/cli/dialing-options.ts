import { homedir, userInfo } from 'node:os';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Argv } from 'yargs';
import { variablesOfConfig, type SshEnvironment } from '../tunnel/ssh/ssh-files.js';

/** Options of the verbs that reach another host. */
export interface DialingOptions {
  readonly 'tls-dir'?: string | undefined;
  readonly transport?: 'ssh' | undefined;
  readonly 'remote-command'?: string | undefined;
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

/** Who asks for a connection: whose keys ssh uses, and who is asked for a passphrase. */
export interface Asker {
  readonly environment: SshEnvironment;
  /** Undefined where nobody can be asked. */
  readonly askPassphrase: ((file: string) => Promise<string | undefined>) | undefined;
}

/** This process and its terminal. */
export function ownAsker(): Asker {
  const agentSocket = process.env.SSH_AUTH_SOCK;
  const environment: SshEnvironment = {
    home: process.env.HOME ?? homedir(),
    user: userInfo().username,
    uid: process.getuid?.() ?? 0,
    ...(agentSocket === undefined ? {} : { agentSocket }),
  };
  // No more of the environment than the configuration asks for: a daemon is given it.
  const variables = Object.fromEntries(variablesOfConfig(environment).map((name) => [name, process.env[name]]));
  return {
    environment: { ...environment, variables },
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
