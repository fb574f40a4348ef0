import ssh2, {
  type BaseAgent,
  type IdentityCallback,
  type KnownPublicKeys,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import { Deadline, orAborted } from '../../errors/deadline.js';
import { asError, messageOf } from '../../errors/message-of.js';
import { sshFingerprint } from './host-key.js';
import { readPublicFile, type FileKey, type KeyFiles } from './key-files.js';

/** An agent that does not list its keys at once counts as absent: it only reads its own memory. */
const AGENT_MS = 5000;
/** More keys than a server lets us try (sshd's MaxAuthTries is 6), and than a person has. */
const MAX_KEYS = 64;

export interface KeyRingOptions {
  /** The agent, if there is one: its socket's path, or an object in its place. */
  readonly agent?: string | BaseAgent;
  /** Key files in the order in which they are to be tried. */
  readonly paths: readonly string[];
  /** Reads them. */
  readonly keyFiles: KeyFiles;
  /** Only keys that are in `paths`, even if the agent has more (IdentitiesOnly). */
  readonly identitiesOnly: boolean;
}

interface RingKey {
  readonly publicKey: ParsedKey;
  /** Its origin, for people. */
  readonly from: string;
  readonly file?: FileKey;
}

/**
 * All keys that may prove who we are, in OpenSSH's order: those of the agent that are also named as
 * files, the agent's others, then the files. To ssh2 it is an agent, so that a server is first asked
 * whether it takes a key, and a passphrase is asked for only if it does.
 */
export class KeyRing extends ssh2.BaseAgent {
  /** What was left out and why, as sentences. */
  readonly notices: readonly string[];
  /** Called with true when the user is asked for a passphrase, then with false: no deadline may run meanwhile. */
  onWaiting: ((asking: boolean) => void) | undefined;
  readonly #keys: readonly RingKey[];
  readonly #agent: BaseAgent | undefined;

  private constructor(keys: readonly RingKey[], agent: BaseAgent | undefined, notices: readonly string[]) {
    super();
    this.#keys = keys;
    this.#agent = agent;
    this.notices = notices;
  }

  /**
   * Collects the keys. Rejects only with the signal's reason: unreadable keys are skipped, with a notice.
   */
  static async open(options: KeyRingOptions, signal: AbortSignal): Promise<KeyRing> {
    const notices: string[] = [];
    const agent = typeof options.agent === 'string' ? ssh2.createAgent(options.agent) : options.agent;
    const agentKeys = agent === undefined ? [] : await agentIdentities(agent, signal, notices);
    const fileKeys: RingKey[] = [];
    const named: Buffer[] = [];
    for (const path of options.paths) {
      signal.throwIfAborted();
      const read = await options.keyFiles.read(path);
      if (typeof read === 'string') notices.push(read);
      else if (read !== undefined) fileKeys.push({ publicKey: read.publicKey, from: path, file: read });
      // A named file may be a public key, whose private part only the agent has (ssh_config(5), IdentityFile).
      const publicKey =
        typeof read === 'object'
          ? read.publicKey
          : ((await readPublicFile(path)) ?? (await readPublicFile(`${path}.pub`)));
      if (publicKey !== undefined) named.push(publicKey.getPublicSSH());
    }
    const isNamed = (key: RingKey): boolean => named.some((blob) => blob.equals(key.publicKey.getPublicSSH()));
    const ordered = [
      ...agentKeys.filter(isNamed),
      ...(options.identitiesOnly ? [] : agentKeys.filter((key) => !isNamed(key))),
      ...fileKeys,
    ];
    return new KeyRing(withoutRepeats(ordered).slice(0, MAX_KEYS), agent, notices);
  }

  get size(): number {
    return this.#keys.length;
  }

  /** Each key in its turn, such as `ssh-ed25519 SHA256:… (agent)`. */
  describe(): readonly string[] {
    return this.#keys.map(
      (key) => `${key.publicKey.type} ${sshFingerprint(key.publicKey.getPublicSSH())} (${key.from})`,
    );
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    done(
      null,
      this.#keys.map((key) => key.publicKey),
    );
  }

  override sign(
    publicKey: string | Buffer | ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    const callback = typeof options === 'function' ? options : done;
    const hash = typeof options === 'function' ? undefined : options.hash;
    this.#sign(publicKey, data, hash).then(
      (signature) => callback?.(null, signature),
      (error: unknown) => callback?.(asError(error)),
    );
  }

  async #sign(
    publicKey: string | Buffer | ParsedKey,
    data: Buffer,
    hash: SigningRequestOptions['hash'],
  ): Promise<Buffer> {
    if (hash === 'sha1') throw new Error('the server takes only SHA-1 signatures from this RSA key');
    const blob = typeof publicKey === 'object' && 'getPublicSSH' in publicKey ? publicKey.getPublicSSH() : publicKey;
    const key = this.#keys.find((each) => each.publicKey.getPublicSSH().equals(Buffer.from(blob)));
    if (key === undefined) throw new Error('a signature was asked for with a key that is not on the ring');
    if (key.file === undefined) return this.#signByAgent(key.publicKey, data, hash);
    const opened = await this.#unlock(key.file);
    const signature: unknown = opened.sign(data, hash);
    // ssh2 returns its errors here, contrary to its types.
    if (Buffer.isBuffer(signature)) return signature;
    throw signature instanceof Error ? signature : new Error('the key did not sign');
  }

  async #unlock(file: FileKey): Promise<ParsedKey> {
    this.onWaiting?.(true);
    try {
      const opened = await file.unlock();
      if (opened === undefined) throw new Error(`the passphrase of ${file.path} did not come`);
      return opened;
    } finally {
      this.onWaiting?.(false);
    }
  }

  #signByAgent(key: ParsedKey, data: Buffer, hash: SigningRequestOptions['hash']): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#agent?.sign(key, data, hash === undefined ? {} : { hash }, (error, signature) => {
        if (signature !== undefined && (error === undefined || error === null)) resolve(signature);
        else reject(error ?? new Error('the agent did not sign'));
      });
    });
  }
}

async function agentIdentities(agent: BaseAgent, signal: AbortSignal, notices: string[]): Promise<RingKey[]> {
  using deadline = new Deadline(signal, AGENT_MS, 'E_DEADLINE_SSH_AUTH', 'the list of keys of the ssh agent');
  try {
    const listed = await orAborted(
      new Promise<KnownPublicKeys>((resolve, reject) => {
        agent.getIdentities((error, keys) => {
          if (keys !== undefined && (error === undefined || error === null)) resolve(keys);
          else reject(error ?? new Error('it gave no list'));
        });
      }),
      deadline.signal,
    );
    return listed.flatMap((entry) => {
      const parsed = parsedKey(entry);
      return parsed === undefined ? [] : [{ publicKey: parsed, from: 'agent' }];
    });
  } catch (error) {
    signal.throwIfAborted();
    notices.push(`the ssh agent is not used: ${messageOf(error)}`); // the key files may do
    return [];
  }
}

/** One entry of an agent's list; undefined for kinds of key that ssh2 does not know (security keys, certificates). */
function parsedKey(entry: KnownPublicKeys[number]): ParsedKey | undefined {
  let key: string | Buffer | ParsedKey;
  if (typeof entry === 'string' || Buffer.isBuffer(entry) || 'getPublicSSH' in entry) key = entry;
  else if (typeof entry.pubKey === 'object' && 'pubKey' in entry.pubKey) key = entry.pubKey.pubKey;
  else key = entry.pubKey;
  const parsed = ssh2.utils.parseKey(key);
  return parsed instanceof Error ? undefined : parsed;
}

function withoutRepeats(keys: readonly RingKey[]): RingKey[] {
  const seen = new Set<string>();
  return keys.filter((key) => {
    const blob = key.publicKey.getPublicSSH().toString('base64');
    return !seen.has(blob) && seen.add(blob);
  });
}
