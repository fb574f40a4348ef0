import { domainToASCII } from 'node:url';
import { UsageError } from '../../errors/errors.js';

/** Port of `xenferry serve` by default. */
export const DEFAULT_PORT = 16520;

/** The host whose domains a command works on. */
export type ConnectUri = { readonly kind: 'xen' } | { readonly kind: 'embedded'; readonly dir: string };

/** The destination of a guest. */
export interface DestinationUri {
  /** `xl`: a host with nothing but xl, over ssh. */
  readonly transport: 'tls' | 'ssh' | 'xl';
  readonly user?: string;
  readonly host: string;
  readonly port?: number;
  /** The URI as given, for messages and the journal. */
  readonly text: string;
}

function bad(uri: string, why: string): UsageError {
  return new UsageError('E_USAGE_URI', `URI ${JSON.stringify(uri)}: ${why}`, {
    hint: 'Use xen:///system or embedded:///FOLDER for this host, xen+tls://HOST[:PORT]/system or xen+ssh://[USER@]HOST[:PORT]/system for a destination, xl+ssh://[USER@]HOST[:PORT] if it has only xl.',
  });
}

function parse(uri: string): URL {
  try {
    return new URL(uri);
  } catch {
    throw bad(uri, 'it is not a URI');
  }
}

/** `xen:///system` or `embedded:///absolute/folder`. */
export function parseConnectUri(uri: string): ConnectUri {
  const url = parse(uri);
  if (url.protocol === 'embedded:') {
    if (url.host !== '') throw bad(uri, `three slashes are needed before the folder; ${url.host} was read as a host`);
    if (url.pathname === '' || url.pathname === '/') throw bad(uri, 'the folder is missing');
    return { kind: 'embedded', dir: decoded(uri, url.pathname) };
  }
  if (url.protocol === 'xen:') {
    if (url.host !== '') throw bad(uri, 'a URI with a host part addresses another host; use xen+ssh:// or xen+tls://');
    checkPath(uri, url.pathname);
    return { kind: 'xen' };
  }
  throw bad(uri, `unknown scheme ${url.protocol.slice(0, -1)}`);
}

function checkPath(uri: string, path: string): void {
  // As libvirt's libxl driver: empty, a slash, or /system.
  if (!['', '/', '/system'].includes(path)) throw bad(uri, `unexpected Xen URI path '${path}'`);
}

const TRANSPORTS: Readonly<Record<string, DestinationUri['transport'] | undefined>> = {
  'xen+tls:': 'tls',
  'xen+ssh:': 'ssh',
  'xl+ssh:': 'xl',
};

/** `xen+tls://HOST[:PORT]/system`, `xen+ssh://[USER@]HOST[:PORT]/system` or `xl+ssh://[USER@]HOST[:PORT]`. */
export function parseDestinationUri(uri: string): DestinationUri {
  const url = parse(uri);
  const transport = TRANSPORTS[url.protocol];
  if (transport === undefined) throw bad(uri, `a guest cannot be sent to scheme ${url.protocol.slice(0, -1)}`);
  if (url.hostname === '') throw bad(uri, 'the host is missing');
  if (url.password !== '') throw bad(uri, 'passwords do not belong in a URI');
  if (transport === 'tls' && url.username !== '')
    throw bad(uri, 'TLS has no user: the certificate identifies this host');
  checkPath(uri, url.pathname);
  return {
    transport,
    ...(url.username === '' ? {} : { user: decoded(uri, url.username) }),
    host: hostOf(uri, url.hostname),
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    text: uri,
  };
}

/** The host as the DNS knows it: one beyond ASCII in its `xn--` form (RFC 5891), an IPv6 address without brackets. */
function hostOf(uri: string, hostname: string): string {
  if (hostname.startsWith('[') || !hostname.includes('%')) return hostname.replace(/^\[(.*)\]$/, '$1');
  // URL does not convert host names of these schemes: they are in percent escapes.
  const host = domainToASCII(decoded(uri, hostname));
  if (host === '') throw bad(uri, 'the host is not a valid DNS name');
  return host;
}

function decoded(uri: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad(uri, 'a percent escape is not valid UTF-8');
  }
}

/** HOST:PORT of a listener. @throws UsageError `E_USAGE_LISTEN` */
export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?<host>\[[^\]]+\]|[^:]*):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.port);
  if (match?.groups === undefined || port > 65535) {
    throw new UsageError('E_USAGE_LISTEN', `${JSON.stringify(text)} is not HOST:PORT`, {
      hint: 'For example 0.0.0.0:16520, [::]:16520 or 127.0.0.1:0.',
    });
  }
  const host = match.groups.host.replace(/^\[(.*)\]$/, '$1');
  return { host: host === '' ? '0.0.0.0' : host, port };
}
