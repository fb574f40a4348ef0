import { join } from 'node:path';
import { connectUriOf, stateFolderOf } from '../../api/process/host-location.js';
import { ownVersion } from '../../api/process/version.js';
import { greet } from './daemon-client.js';
import { DAEMON_SOCKET } from './control-messages.js';

/** Wait for the daemon to parse the arguments. */
const PARSE_MS = 5_000;

/**
 * Lets the daemon that most probably runs read the words of a `migrate`: every process of a release on a host would read them alike, and
 * which host they mean is seen only then. Undefined where they are to be read here: without such a daemon, or where they are wrong.
 */
export async function argvParsedByDaemon(words: readonly string[]): Promise<unknown> {
  try {
    const named = { uri: connectIn(words) };
    const uri = connectUriOf(named, undefined, (text) => text);
    const daemon = await greet(join(stateFolderOf(named, uri), DAEMON_SOCKET));
    if (daemon === undefined) return undefined;
    using channel = daemon.channel;
    if (daemon.version !== ownVersion()) return undefined;
    channel.send({ say: 'parse', words });
    const said = await channel.next(PARSE_MS);
    return said?.say === 'parsed' ? said.options : undefined;
  } catch {
    return undefined; // errors there, or in the environment, are reported where they matter
  }
}

/** The host that the words seem to name. A guess is enough: it only decides which daemon is asked to read them. */
function connectIn(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => /^(?:-c|--connect)$/.test(word));
  return at === -1 ? words.find((word) => word.startsWith('--connect='))?.slice('--connect='.length) : words[at + 1];
}
