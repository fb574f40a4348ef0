import { statSync } from 'node:fs';
import { XenferryError, type UsageError } from '../../errors/errors.js';
import { AllowList } from '../access/allow-list.js';
import { PeerLeaves } from '../access/peer-leaves.js';
import { SshRules } from '../access/ssh-rules.js';
import { parseConnectUri, parseDestinationUri, parseListen } from './uri.js';
import { inOrder, mistakeAt, readConfig, resolveAlias, type Config } from './config.js';

/** What is wrong with a configuration file: each with its place, and what to do. */
export interface ConfigReport {
  readonly mistakes: readonly UsageError[];
  /** What is no mistake in the file itself, but keeps it from working on this host now. */
  readonly warnings: readonly string[];
}

/** Looks at a whole file, as every verb and `serve` would come to it in the end. */
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

/** An alias is of a host of one's own, or of a destination. */
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
    dir === undefined || isFolder(dir) ? [] : [`${key}: there is no folder ${dir} on this host`],
  );
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
