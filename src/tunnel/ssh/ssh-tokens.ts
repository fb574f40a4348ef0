import { createHash } from 'node:crypto';

/** Values of the tokens of ssh_config(5), TOKENS, for one host. */
export interface SshTokens {
  /** `%h`: the name that is dialled. */
  readonly host: string;
  /** `%n`: the name as it was given. */
  readonly given: string;
  /** `%k`: HostKeyAlias, or the name as it was given. */
  readonly keyName: string;
  readonly port: number;
  /** `%r`. */
  readonly user: string;
  /** `%u`. */
  readonly localUser: string;
  /** `%d`. */
  readonly home: string;
  /** `%i`. */
  readonly uid: number;
  /** `%l`: this host's name; up to its first dot it is `%L`. */
  readonly localHost: string;
  /** `%j`: ProxyJump as it is written; empty for none. */
  readonly jump: string;
}

/** What could not be expanded, as the end of a sentence. */
export class TokenProblem extends Error {}
/** A variable that is not set. */
export class MissingVariable extends TokenProblem {}

/** Of Hostname. */
export const HOST_TOKENS = 'h';
/** Of ProxyJump. */
export const JUMP_TOKENS = 'hnpr';
/** Of the paths: IdentityFile, IdentityAgent, UserKnownHostsFile. */
export const PATH_TOKENS = 'CdhijkLlnpru';

/** Replaces the tokens that are allowed, and `%%`. @throws TokenProblem for any other */
export function expandTokens(text: string, tokens: SshTokens, allowed: string): string {
  return text.replace(/%(.?)/gs, (_, token: string) => {
    if (token === '%') return '%';
    if (token !== '' && allowed.includes(token)) return valueOf(token, tokens);
    throw new TokenProblem(`%${token} is not known here`);
  });
}

/**
 * A path: `~`, the tokens, and `${NAME}` of the environment; each is replaced once, so that the value of a variable is used unchanged.
 * @throws TokenProblem for an unknown token, MissingVariable for one that is not set
 */
export function expandPath(
  text: string,
  tokens: SshTokens,
  variables: Readonly<Partial<Record<string, string>>>,
): string {
  const path = text === '~' || text.startsWith('~/') ? tokens.home + text.slice(1) : text;
  return path.replace(/\$\{([^}]*)\}|%(.?)/gs, (_, name: string | undefined, token: string | undefined) => {
    if (name === undefined) return expandTokens(`%${token ?? ''}`, tokens, PATH_TOKENS);
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value === undefined) throw new MissingVariable(`the environment has no ${name}`);
    return value;
  });
}

function valueOf(token: string, tokens: SshTokens): string {
  switch (token) {
    case 'h':
      return tokens.host;
    case 'n':
      return tokens.given;
    case 'k':
      return tokens.keyName;
    case 'p':
      return String(tokens.port);
    case 'r':
      return tokens.user;
    case 'u':
      return tokens.localUser;
    case 'd':
      return tokens.home;
    case 'i':
      return String(tokens.uid);
    case 'l':
      return tokens.localHost;
    case 'L':
      return tokens.localHost.split('.', 1)[0];
    case 'j':
      return tokens.jump;
    case 'C':
      return connectionHash(tokens);
    default:
      throw new TokenProblem(`%${token} is not known here`);
  }
}

/** `%C`: SHA-1 of `%l%h%p%r%j` in hexadecimal digits. */
function connectionHash({ localHost, host, port, user, jump }: SshTokens): string {
  return createHash('sha1').update(`${localHost}${host}${port}${user}${jump}`).digest('hex');
}

/** Names of the variables that a configuration's text refers to. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map((found) => found[1]);
}
