import { hostname } from 'node:os';
import { join } from 'node:path';
import { domainToASCII } from 'node:url';
import { TunnelError } from '../../errors/errors.js';
import { hostPort } from '../tls-names.js';
import type { HostKeyName } from './host-key.js';
import { parseKnownHosts, type KnownHosts } from './known-hosts.js';
import { readSshConfig, type SshHostConfig } from './ssh-config.js';
import type { ConfigSource } from './ssh-config-lines.js';
import { asError } from '../../errors/message-of.js';
import {
  expandPath,
  expandTokens,
  HOST_TOKENS,
  JUMP_TOKENS,
  MissingVariable,
  TokenProblem,
  type SshTokens,
} from './ssh-tokens.js';
import {
  includeReader,
  readConfigSources,
  readKnownHostsFiles,
  systemDir,
  userDir,
  type SshEnvironment,
} from './ssh-files.js';

const SSH_PORT = 22;
/** TCP and the ssh handshake, without a ConnectTimeout. */
const CONNECT_MS = 15_000;
/** More hops than in use; detects a loop. */
const MAX_HOPS = 8;
const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/** The destination as given by the user. */
export interface SshDestination {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/** One host to log in to, with the effective configuration. */
export interface SshTarget {
  /** Name or address that is dialled. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly keyName: HostKeyName;
  readonly knownHosts: KnownHosts;
  readonly keyFiles: readonly string[];
  readonly identitiesOnly: boolean;
  readonly agentSocket?: string;
  readonly connectMs: number;
  /** Hosts to go through, first one first. */
  readonly jumps: readonly SshTarget[];
  /** What the user should know of how the configuration was read. */
  readonly notices: readonly string[];
}

/**
 * Works out how to reach a host: `~/.ssh/config`, the system's ssh_config, known_hosts. What the user
 * says counts more than the files.
 * @throws TunnelError `E_TUNNEL_SSH_CONFIG`, `E_TUNNEL_KNOWN_HOSTS`
 */
export function resolveSshTarget(destination: SshDestination, environment: SshEnvironment): SshTarget {
  return new Resolver(environment, readConfigSources(environment)).resolve(destination, 0, true);
}

/** `user@host:port`, with brackets around an IPv6 address. */
export function nameOfTarget(target: SshTarget): string {
  return `${target.user}@${hostPort(target.host, target.port)}`;
}

class Resolver {
  constructor(
    private readonly environment: SshEnvironment,
    private readonly sources: readonly ConfigSource[],
  ) {}

  resolve(destination: SshDestination, depth: number, mayJump: boolean): SshTarget {
    const given = asciiHost(destination.host);
    checkName('host', given);
    const config = readSshConfig(given, this.sources, includeReader(this.environment));
    const { home, user: localUser, uid } = this.environment;
    const notices = [...config.notices];
    const partly: SshTokens = {
      host: given,
      given,
      keyName: config.hostKeyAlias ?? given,
      port: destination.port ?? config.port ?? SSH_PORT,
      user: destination.user ?? config.user ?? localUser,
      localUser,
      home,
      uid,
      localHost: this.environment.hostname ?? hostname(),
      jump: config.proxyJump.join(','),
    };
    const host = asciiHost(config.hostName === undefined ? given : expanded(config.hostName, partly, HOST_TOKENS));
    checkName('host', host);
    const tokens = { ...partly, host };
    const { port, user } = tokens;
    checkName('user', user);
    const paths = (texts: readonly string[]): string[] => texts.flatMap((text) => this.#path(text, tokens, notices));
    const knownHosts = parseKnownHosts(readKnownHostsFiles(paths(this.#knownHostsFiles(config))));
    const agentSocket = this.#agentSocket(config, paths);
    const hops = config.proxyJump.map((hop) => expanded(hop, tokens, JUMP_TOKENS));
    return {
      host,
      port,
      user,
      keyName: { host, port, ...(config.hostKeyAlias === undefined ? {} : { alias: config.hostKeyAlias }) },
      knownHosts,
      keyFiles: paths(this.#keyFiles(config)),
      identitiesOnly: config.identitiesOnly,
      ...(agentSocket === undefined ? {} : { agentSocket }),
      connectMs: config.connectTimeoutMs ?? CONNECT_MS,
      jumps: mayJump ? this.#jumps(hops, given, depth) : [],
      notices: [...notices, ...knownHosts.notices],
    };
  }

  /** Only the first hop is reached in its own way; the later ones through the hop before. */
  #jumps(hops: readonly string[], via: string, depth: number): SshTarget[] {
    if (depth + hops.length > MAX_HOPS) {
      throw new TunnelError('E_TUNNEL_SSH_CONFIG', `${via}: more than ${MAX_HOPS} hosts to jump through, or a loop`, {
        hint: 'Give the jump host a block of its own with `ProxyJump none`, above the one that names it.',
        data: { host: via },
      });
    }
    return hops.flatMap((hop, index) => {
      const target = this.resolve(parseHop(hop), depth + hops.length, index === 0);
      return [...target.jumps, { ...target, jumps: [] }];
    });
  }

  #knownHostsFiles(config: SshHostConfig): string[] {
    const user =
      config.userKnownHostsFiles ??
      ['known_hosts', 'known_hosts2'].map((name) => join(userDir(this.environment), name));
    const global =
      config.globalKnownHostsFiles ??
      ['ssh_known_hosts', 'ssh_known_hosts2'].map((name) => join(systemDir(this.environment), name));
    return [...user, ...global].filter((path) => path.toLowerCase() !== 'none');
  }

  #keyFiles(config: SshHostConfig): string[] {
    const files = config.identityFiles.filter((path) => path.toLowerCase() !== 'none');
    if (config.identityFiles.length > 0) return files;
    return DEFAULT_KEYS.map((name) => join(userDir(this.environment), name));
  }

  #agentSocket(config: SshHostConfig, paths: (texts: readonly string[]) => readonly string[]): string | undefined {
    const named = config.identityAgent;
    const { agentSocket, variables } = this.environment;
    if (named === undefined || named === 'SSH_AUTH_SOCK' || named === '$SSH_AUTH_SOCK') return agentSocket;
    if (named.toLowerCase() === 'none') return undefined;
    // The older form: a variable that holds all of the path (ssh_config(5), IdentityAgent).
    if (/^\$[A-Za-z_]\w*$/.test(named)) return variables?.[named.slice(1)];
    return paths([named])[0];
  }

  /** A path in the configuration; skipped, with a notice, if the environment lacks a variable in it. */
  #path(text: string, tokens: SshTokens, notices: string[]): string[] {
    try {
      return [expandPath(text, tokens, this.environment.variables ?? {})];
    } catch (error) {
      if (!(error instanceof MissingVariable)) throw asConfigError(text, error);
      notices.push(`${JSON.stringify(text)} in the ssh configuration is left out: ${error.message}`);
      return [];
    }
  }
}

function expanded(text: string, tokens: SshTokens, allowed: string): string {
  try {
    return expandTokens(text, tokens, allowed);
  } catch (error) {
    throw asConfigError(text, error);
  }
}

function asConfigError(text: string, error: unknown): Error {
  if (!(error instanceof TokenProblem)) return asError(error);
  return new TunnelError('E_TUNNEL_SSH_CONFIG', `${JSON.stringify(text)} in the ssh configuration: ${error.message}`, {
    hint: 'Write the value itself, or one of the tokens that ssh_config(5) lists for this keyword.',
  });
}

/** A name beyond ASCII in its DNS form; any other, such as an alias in the configuration, unchanged. */
function asciiHost(host: string): string {
  if (/^[\x20-\x7e]*$/.test(host)) return host;
  return domainToASCII(host) || host;
}

/** `[user@]host[:port]` or `ssh://[user@]host[:port]` (ssh_config(5), ProxyJump). */
function parseHop(text: string): SshDestination {
  const parts = /^(?:ssh:\/\/)?(?:([^@]+)@)?(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const groups: readonly (string | undefined)[] = parts ?? [];
  const host = groups[2] ?? groups[3];
  const port = groups[4] === undefined ? undefined : Number(groups[4]);
  if (host === undefined || (port !== undefined && (port < 1 || port > 65_535))) {
    throw new TunnelError('E_TUNNEL_SSH_CONFIG', `ProxyJump: ${JSON.stringify(text)} is not [user@]host[:port]`, {
      hint: 'Several hops are apart by commas; an IPv6 address is in brackets.',
    });
  }
  return { host, ...(groups[1] === undefined ? {} : { user: groups[1] }), ...(port === undefined ? {} : { port }) };
}

/** Names are used in messages, in commands to copy and in `%` tokens: only characters of names are allowed. */
function checkName(what: 'host' | 'user', text: string): void {
  const shape = what === 'host' ? /^[A-Za-z0-9_:][A-Za-z0-9._:%-]*$/ : /^[\p{L}\p{N}_][\p{L}\p{N}._@+\\-]*\$?$/u;
  if (text.length <= 255 && shape.test(text)) return;
  throw new TunnelError('E_TUNNEL_SSH_CONFIG', `${JSON.stringify(text.slice(0, 255))} is not a possible ${what} name`, {
    hint: 'Check the destination URI and the HostName and User of the ssh configuration.',
  });
}
