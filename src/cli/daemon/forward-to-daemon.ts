import { resolve } from 'node:path';
import process from 'node:process';
import { attachToSocket } from '../../api/internal/sockets.js';
import { configFile, type ConfigFile } from '../../api/process/config-file.js';
import type { GlobalOptions } from '../global-options.js';
import { sshLogin, sshPeer } from '../ssh-peer.js';
import { connectToDaemon } from './daemon-client.js';

/**
 * Hands the ssh connection that this process was started for over to the daemon of this host: from then on bytes pass, until both directions
 * have ended. False where no daemon runs. Rejects where it refuses the login, or cannot take it in.
 */
export async function forwardedToDaemon(options: GlobalOptions, signal: AbortSignal): Promise<boolean> {
  // When the ssh connection breaks, notes cannot be written.
  process.stderr.on('error', () => undefined);
  let path: string;
  {
    using daemon = await connectToDaemon(options);
    if (daemon === undefined) return false;
    path = await daemon.openRendezvous({
      peer: sshPeer(),
      login: sshLogin(),
      config: absolute(configFile(options)),
    });
  }
  await attachToSocket(path, process.stdin, process.stdout, signal);
  return true;
}

function absolute({ file, isNamed }: ConfigFile): ConfigFile {
  return { file: resolve(file), isNamed };
}
