import { homedir, userInfo } from 'node:os';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Argv } from 'yargs';
import type { DialerOptions } from '../driver/dialers.js';
import { resolveAlias } from '../driver/config/config.js';
import { parseDestinationUri, type DestinationUri } from '../driver/uri.js';
import { configOf } from './config.js';
import { deadlinesOf, type GlobalOptions } from './open.js';
import { printNote } from './output.js';

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

/** A destination's URI, or an alias of the configuration. @throws UsageError `E_USAGE_URI` */
export function destinationOf(options: GlobalOptions, text: string): DestinationUri {
  return parseDestinationUri(resolveAlias(configOf(options), text));
}

export function dialerOptions(options: DialingOptions & GlobalOptions): DialerOptions {
  const agentSocket = process.env.SSH_AUTH_SOCK;
  return {
    tlsDir: options['tls-dir'] ?? configOf(options).tlsDir,
    keepalive: configOf(options).keepalive,
    onNotice: (text) => printNote(`notice: ${text}`),
    ssh: {
      environment: {
        home: process.env.HOME ?? homedir(),
        user: userInfo().username,
        uid: process.getuid?.() ?? 0,
        ...(agentSocket === undefined ? {} : { agentSocket }),
      },
      startMs: deadlinesOf(options).connectMs,
      channelsOnly: options.transport === 'ssh',
      remoteCommand: options['remote-command'],
      askPassphrase: process.stdin.isTTY ? askPassphrase : undefined,
    },
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
