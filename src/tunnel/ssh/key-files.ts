import { readFile, stat } from 'node:fs/promises';
import type { ParsedKey } from 'ssh2';
import { asError } from '../../errors/message-of.js';
import { pastedWord } from '../../errors/shell-words.js';
import { readPrivateKey, readPublicKey, unlockPrivateKey } from './private-key.js';

/** Far larger than any private key. */
const MAX_KEY_FILE_BYTES = 64 * 1024;
/** As OpenSSH's NumberOfPasswordPrompts. */
const PASSPHRASE_TRIES = 3;

/** Asks the user for the passphrase of a key file; undefined means that there will be none. */
export type AskPassphrase = (path: string) => Promise<string | undefined>;

/** A private key in a file. Its public part is known; a passphrase is only asked for when it has to sign. */
export interface FileKey {
  readonly path: string;
  readonly publicKey: ParsedKey;
  /** The private key; undefined if no passphrase was given. Asks at most once, however often it is called. */
  unlock(): Promise<ParsedKey | undefined>;
}

/**
 * The key files of one user. Each is read once and its passphrase asked for once, however many hosts
 * and connections use it.
 */
export class KeyFiles {
  readonly #read = new Map<string, FileKey>();

  /** @param askPassphrase where absent, encrypted keys are not used */
  constructor(private readonly askPassphrase?: AskPassphrase) {}

  /** A key file, or why it cannot be used; undefined if there is none. */
  async read(path: string): Promise<FileKey | string | undefined> {
    const known = this.#read.get(path);
    if (known !== undefined) return known;
    const read = await readKeyFile(path, this.askPassphrase);
    if (typeof read === 'object') this.#read.set(path, read);
    return read;
  }
}

async function readKeyFile(
  path: string,
  askPassphrase: AskPassphrase | undefined,
): Promise<FileKey | string | undefined> {
  let text: string;
  try {
    const { mode, size } = await stat(path);
    // OpenSSH does not use such keys either: others that can read it may have copied it.
    if ((mode & 0o077) !== 0) {
      return `${path} is not used: its mode ${(mode & 0o777).toString(8).padStart(4, '0')} lets others read it (chmod 600 ${pastedWord(path)})`;
    }
    if (size > MAX_KEY_FILE_BYTES) return `${path} is not used: ${size} bytes are too many for a key`;
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { message } = asError(error);
    return isMissing(error) ? undefined : `${path} cannot be read: ${message}`;
  }
  const read = readPrivateKey(text);
  if (read.kind === 'unusable') return `${path} is not used: ${read.reason}${conversion(path, text, read.reason)}`;
  if (read.kind === 'open') {
    return { path, publicKey: read.key, unlock: () => Promise.resolve(read.key) };
  }
  const unlock = once(() => askAndUnlock(path, text, askPassphrase));
  const publicKey = read.publicKey ?? (await readPublicFile(`${path}.pub`)) ?? (await unlock());
  if (publicKey === undefined) return `${path} is not used: it is encrypted and its passphrase did not come`;
  return { path, publicKey, unlock };
}

/** A command that converts a private key for ssh2; none exists for a key in a device. */
function conversion(path: string, text: string, reason: string): string {
  if (!text.includes('PRIVATE KEY-----') || reason.includes(' sk-')) return '';
  return `; \`ssh-keygen -p -Z aes256-ctr -f ${pastedWord(path)}\` writes it in a form that is read here`;
}

/** The public key of an identity whose private part may only be in an agent: `path` or `path.pub`. */
export async function readPublicFile(path: string): Promise<ParsedKey | undefined> {
  try {
    const { size } = await stat(path);
    return size > MAX_KEY_FILE_BYTES ? undefined : readPublicKey(await readFile(path, 'utf8'));
  } catch {
    return undefined; // it only helps to choose: without it the key is tried in its turn
  }
}

async function askAndUnlock(
  path: string,
  text: string,
  askPassphrase: AskPassphrase | undefined,
): Promise<ParsedKey | undefined> {
  for (let tries = 0; tries < PASSPHRASE_TRIES; tries += 1) {
    const passphrase = await askPassphrase?.(path);
    if (passphrase === undefined || passphrase === '') return undefined;
    const key = unlockPrivateKey(text, passphrase);
    if (key !== undefined) return key;
  }
  return undefined;
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => (started ??= work());
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
