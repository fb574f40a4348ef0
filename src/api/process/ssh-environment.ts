import { homedir, userInfo } from 'node:os';
import process from 'node:process';
import { variablesOfConfig, type SshEnvironment } from '../../tunnel/ssh/ssh-files.js';

/** Whose keys ssh uses, as this process's environment has it. */
export function ownSshEnvironment(): SshEnvironment {
  const agentSocket = process.env.SSH_AUTH_SOCK;
  const environment: SshEnvironment = {
    home: process.env.HOME ?? homedir(),
    user: userInfo().username,
    uid: process.getuid?.() ?? 0,
    ...(agentSocket === undefined ? {} : { agentSocket }),
  };
  // No more of the environment than the ssh configuration refers to: a daemon is sent it.
  const variables = Object.fromEntries(variablesOfConfig(environment).map((name) => [name, process.env[name]]));
  return { ...environment, variables };
}
