import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseConnectUri, type ConnectUri } from '../../host/config/uri.js';
import type { LocationOptions } from '../options/location.js';

/** A host, and the folder in which xenferry keeps its own state of it. */
export interface HostLocation {
  readonly uri: ConnectUri;
  readonly stateDir: string;
}

function userStateFolder(): string {
  return join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'xenferry');
}

function isDom0(): boolean {
  const capabilities = '/proc/xen/capabilities';
  return existsSync(capabilities) && readFileSync(capabilities, 'utf8').includes('control_d');
}

/** The given URI, then XENFERRY_URI, then `uri_default`, each perhaps an alias; then Xen where this is a dom0, then an embedded host in the user's state folder. */
export function connectUriOf(
  options: LocationOptions,
  uriDefault: string | undefined,
  resolveAlias: (text: string) => string,
): ConnectUri {
  const given = options.uri ?? process.env.XENFERRY_URI ?? uriDefault;
  if (given !== undefined) return parseConnectUri(resolveAlias(given));
  return isDom0() ? { kind: 'xen' } : { kind: 'embedded', dir: join(userStateFolder(), 'embedded') };
}

/** Where xenferry keeps its own state: journals, job locks. */
export function stateFolderOf(options: LocationOptions, uri: ConnectUri): string {
  if (options.stateDir !== undefined) return options.stateDir;
  if (uri.kind === 'embedded') return join(uri.dir, 'xenferry');
  return process.getuid?.() === 0 ? '/var/lib/xenferry' : userStateFolder();
}
