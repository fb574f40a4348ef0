import type { Duplex } from 'node:stream';
import ssh2, { type AnyAuthMethod, type AuthenticationType, type Client } from 'ssh2';
import { DeadlineError, TunnelError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import { sshAlgorithms } from './algorithms.js';
import { hostKeyAlgorithms, hostKeyError, judgeHostKey, sshFingerprint } from './host-key.js';
import type { KeyRing } from './key-ring.js';
import { nameOfTarget, type SshTarget } from './ssh-target.js';

/** Authentication, without the time in which a person types a passphrase. sshd's LoginGraceTime is 120 s. */
const AUTH_MS = 30_000;
/** As libvirt's keepalive: 5 s, five times. */
const KEEPALIVE_MS = 5000;
const KEEPALIVE_COUNT = 5;

export interface LoginOptions {
  readonly keepaliveMs?: number;
  readonly keepaliveCount?: number;
  readonly authMs?: number;
}

/** A logged-in ssh client and the proven host key. */
export interface Login {
  readonly client: Client;
  /** `SHA256:…` of the host key. */
  readonly fingerprint: string;
}

/**
 * The ssh handshake over a connection that is already there: host key checked strictly, then keys from
 * the ring. No deadline runs while the user is asked for a passphrase. Destroys the transport when it fails.
 * Rejects with `E_TUNNEL_HOSTKEY_*`, `E_TUNNEL_AUTH`, `E_TUNNEL_HANDSHAKE`, or the signal's reason.
 */
export async function login(
  target: SshTarget,
  transport: Duplex,
  ring: KeyRing,
  options: LoginOptions,
  signal: AbortSignal,
): Promise<Login> {
  const attempt = new Attempt(target, transport, ring, options);
  const onAbort = (): void => {
    attempt.fail(asError(signal.reason));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await attempt.run();
  } catch (error) {
    transport.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

type Phase = 'handshake' | 'authentication';

class Attempt {
  readonly #client = new ssh2.Client();
  readonly #where: string;
  #phase: Phase = 'handshake';
  #timer: NodeJS.Timeout | undefined;
  #hostKey: Buffer | undefined;
  #serverMethods: readonly string[] | undefined;
  #triedKeys = false;
  #trouble: string[] = [];
  #settle: { resolve: (login: Login) => void; reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;

  constructor(
    private readonly target: SshTarget,
    private readonly transport: Duplex,
    private readonly ring: KeyRing,
    private readonly options: LoginOptions,
  ) {
    this.#where = nameOfTarget(target);
  }

  run(): Promise<Login> {
    const { target } = this;
    const result = new Promise<Login>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#listen();
    this.#arm(target.connectMs);
    this.ring.onWaiting = (asking) => {
      if (asking) clearTimeout(this.#timer);
      else this.#arm(this.options.authMs ?? AUTH_MS);
    };
    if (this.#failure !== undefined) {
      this.fail(this.#failure);
      return result;
    }
    this.#client.connect({
      sock: this.transport,
      username: target.user,
      hostVerifier: (key: Buffer) => this.#verify(key),
      authHandler: (methods: AuthenticationType[] | null, _partial: boolean | null, next) => {
        this.#nextMethod(methods, next);
      },
      algorithms: sshAlgorithms(hostKeyAlgorithms(target.knownHosts, target.keyName)),
      keepaliveInterval: this.options.keepaliveMs ?? KEEPALIVE_MS,
      keepaliveCountMax: this.options.keepaliveCount ?? KEEPALIVE_COUNT,
      readyTimeout: 0, // the deadlines are ours, one for each phase
      strictVendor: false,
    });
    return result;
  }

  fail(error: Error): void {
    this.#failure ??= error;
    clearTimeout(this.#timer);
    this.#settle?.reject(this.#failure);
  }

  #listen(): void {
    const client = this.#client;
    client.on('handshake', () => {
      if (this.#phase === 'authentication') return; // a later key exchange
      this.#phase = 'authentication';
      this.#arm(this.options.authMs ?? AUTH_MS);
    });
    client.on('ready', () => {
      if (this.#hostKey === undefined) {
        this.fail(new TunnelError('E_TUNNEL_HANDSHAKE', `${this.#where} proved no host key`));
        return;
      }
      clearTimeout(this.#timer);
      this.ring.onWaiting = undefined;
      this.#settle?.resolve({ client, fingerprint: sshFingerprint(this.#hostKey) });
    });
    client.on('error', (error) => {
      // The agent, or a key that did not open: the next key gets its turn.
      if (error.level === 'agent') this.#trouble.push(error.message);
      else this.fail(this.#explain(error));
    });
    client.on('close', () => {
      this.fail(this.#explain(new Error('the connection was closed')));
    });
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.fail(this.#late(ms));
    }, ms);
  }

  #verify(key: Buffer): boolean {
    // A later key exchange must show the key that was checked at the first.
    if (this.#hostKey !== undefined) return this.#hostKey.equals(key);
    const { knownHosts, keyName } = this.target;
    const problem = hostKeyError(judgeHostKey(knownHosts, keyName, key), knownHosts, keyName, key);
    if (problem !== undefined) {
      this.fail(problem);
      return false;
    }
    this.#hostKey = key;
    return true;
  }

  /** First `none`, which reveals the server's methods; then the keys; then no more. */
  #nextMethod(methods: AuthenticationType[] | null, next: (method: AnyAuthMethod) => void): void {
    const username = this.target.user;
    if (methods === null) {
      next({ type: 'none', username });
      return;
    }
    this.#serverMethods = methods;
    if (methods.includes('publickey') && this.ring.size > 0 && !this.#triedKeys) {
      this.#triedKeys = true;
      next({ type: 'agent', username, agent: this.ring });
      return;
    }
    this.fail(this.#refused());
  }

  #refused(): TunnelError {
    const tried = this.#triedKeys ? this.ring.describe() : [];
    const takes = this.#serverMethods ?? [];
    const what =
      tried.length > 0
        ? `none of these keys was taken: ${tried.join(', ')}`
        : takes.includes('publickey') || takes.length === 0
          ? 'there is no key to try'
          : `it takes no keys, only ${takes.join(', ')}`;
    const notes = [...this.ring.notices, ...this.#trouble];
    return new TunnelError(
      'E_TUNNEL_AUTH',
      `${this.#where} refused to let ${this.target.user} in: ${what}` +
        (notes.length === 0 ? '' : `; ${notes.slice(0, 8).join('; ')}`),
      {
        hint:
          `Put a public key of yours into ~/.ssh/authorized_keys of ${this.target.user} at ${this.target.host}, ` +
          `and try \`ssh -o BatchMode=yes ${nameForSsh(this.target)} true\`.`,
        data: { target: this.#where, tried, methods: [...takes] },
      },
    );
  }

  #late(ms: number): Error {
    const seconds = (ms / 1000).toFixed(1);
    if (this.#phase === 'handshake') {
      return new TunnelError(
        'E_TUNNEL_HANDSHAKE',
        `${this.#where} did not finish the ssh handshake within ${seconds} s`,
        {
          hint: 'Something answers there, but it may not be sshd, or it is overloaded.',
          cause: new DeadlineError('E_DEADLINE_SSH_HANDSHAKE', `ssh handshake: ${seconds} s are over`),
        },
      );
    }
    return new TunnelError('E_TUNNEL_AUTH', `${this.#where} did not answer to our keys within ${seconds} s`, {
      hint: 'Look at the log of sshd there; slow name look-ups or PAM modules are the usual cause.',
      cause: new DeadlineError('E_DEADLINE_SSH_AUTH', `ssh authentication: ${seconds} s are over`),
    });
  }

  /** The error of ssh2 or the socket, with the peer and the phase. */
  #explain(error: Error): Error {
    if (this.#failure !== undefined) return this.#failure;
    if (error.message.includes('Too many authentication failures')) {
      return new TunnelError(
        'E_TUNNEL_AUTH',
        `${this.#where} gave up after too many keys: ${this.ring.describe().join(', ')}`,
        {
          cause: error,
          hint: `Name the right key in ~/.ssh/config: \`Host ${this.target.host}\`, \`IdentityFile …\`, \`IdentitiesOnly yes\`.`,
          data: { target: this.#where },
        },
      );
    }
    const what = this.#phase === 'handshake' ? 'ssh handshake' : 'ssh authentication';
    return new TunnelError('E_TUNNEL_HANDSHAKE', `the ${what} with ${this.#where} failed`, {
      cause: error,
      hint: 'Check that sshd answers there and does not turn this host away (MaxStartups, hosts.deny, a firewall).',
      data: { target: this.#where },
    });
  }
}

function nameForSsh(target: SshTarget): string {
  return `${target.port === 22 ? '' : `-p ${target.port} `}${target.user}@${target.host}`;
}
