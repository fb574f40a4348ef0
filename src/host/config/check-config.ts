import { statSync } from 'node:fs';
import { XenferryError, type UsageError } from '../../errors/errors.js';
import { AllowList } from '../access/allow-list.js';
import { PeerLeaves } from '../access/peer-leaves.js';
import { SshRules } from '../access/ssh-rules.js';
import { parseConnectUri, parseDestinationUri, parseListen } from './uri.js';
import { inOrder, mistakeAt, readConfig, resolveAlias, type Config } from './config.js';

/** Errors in a configuration file, each with its place and remedy. */
export interface ConfigReport {
  readonly mistakes: readonly UsageError[];
  /** Not errors of the file itself, but conditions of this host that keep it from working now. */
  readonly warnings: readonly string[];
}

/** Checks a whole file with the checks that the verbs and `serve` apply when they use it. */
export function checkConfig(text: string, file: string): ConfigReport {
  const read = readConfig(text, file);
  if ('mistakes' in read) return { mistakes: read.mistakes, warnings: [] };
  const { config } = read;
  const mistakes: UsageError[] = [];
  const tryIt = (path: readonly string[], value: string, work: () => unknown): void => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof XenferryError)) throw error;
      mistakes.push(mistakeAt(text, file, path, value, error.message));
    }
  };
  for (const [name, uri] of config.uriAliases) {
    tryIt(['uri_aliases'], `${name}=${uri}`, () => parseEither(uri));
  }
  const { uriDefault, listen } = config;
  if (uriDefault !== undefined) {
    tryIt(['uri_default'], uriDefault, () => parseConnectUri(resolveAlias(config, uriDefault)));
  }
  if (listen !== undefined) tryIt(['listen'], listen, () => parseListen(listen));
  for (const name of config.allow ?? []) tryIt(['allow'], name, () => new AllowList([name]));
  for (const name of config.allowRecover ?? []) tryIt(['allow_recover'], name, () => new AllowList([name]));
  for (const entry of config.peersMay ?? []) tryIt(['peers_may'], entry, () => new PeerLeaves([entry]));
  for (const name of config.allowSsh ?? []) tryIt(['allow_ssh'], name, () => new SshRules([name]));
  return { mistakes: inOrder(mistakes), warnings: missingFolders(config) };
}

/** An alias stands for a host whose domains are managed, or for a destination. */
function parseEither(uri: string): void {
  try {
    parseDestinationUri(uri);
  } catch (error) {
    if (/^(?:xen|embedded):\/\/\//.test(uri)) parseConnectUri(uri);
    else throw error;
  }
}

function missingFolders({ tlsDir, leaseDir }: Config): string[] {
  return Object.entries({ tls_dir: tlsDir, lease_dir: leaseDir }).flatMap(([key, dir]) =>
    dir === undefined || isFolder(dir) ? [] : [`${key}: the folder ${dir} does not exist on this host`],
  );
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
