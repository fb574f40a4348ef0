import { TunnelError } from '../../errors/errors.js';
import { pastedWord } from '../../errors/shell-words.js';
import type { RemoteExit } from './channel-stream.js';

/** The shell's exit codes for a command that it did not find, or could not run (POSIX.1-2017, 2.8.2). */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** What the end of a remote command means; undefined for one in order. */
export function remoteExitError(exit: RemoteExit, host: string, command: string): TunnelError | undefined {
  if (exit.code === 0) return undefined;
  const said = exit.stderr.length === 0 ? '' : `: ${exit.stderr.slice(-3).join(' | ')}`;
  const data = { host, command, exitCode: exit.code ?? null, signal: exit.signal ?? null, stderr: exit.stderr };
  if (exit.code === NOT_FOUND || exit.code === NOT_EXECUTABLE) {
    const why = exit.code === NOT_FOUND ? 'is not installed' : 'cannot be run';
    return new TunnelError('E_TUNNEL_REMOTE_COMMAND', `xenferry ${why} on ${host}${said}`, {
      hint: `Install xenferry there, in the PATH of a login without a terminal (\`ssh ${pastedWord(host)} 'command -v xenferry'\`), or name it as remote command.`,
      data,
    });
  }
  const how =
    exit.code !== undefined
      ? `ended with exit code ${exit.code}`
      : exit.signal !== undefined
        ? `was ended by ${exit.signal}`
        : 'ended without an exit status';
  return new TunnelError('E_TUNNEL_REMOTE_EXIT', `\`${command}\` on ${host} ${how}${said}`, {
    hint: 'Look at the log of xenferry on that host.',
    data,
  });
}
