import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { CommandModule } from 'yargs';
import { laneThreads, makeOneTimeCredentials } from '../../driver/dialers.js';
import { Reception } from '../../driver/reception.js';
import { messageOf } from '../../errors/message-of.js';
import type { Link, PeerIdentity } from '../../tunnel/link.js';
import { attachToSocket } from '../../tunnel/ssh/attach.js';
import { ReceivingEnd } from '../../tunnel/ssh/receiving-end.js';
import { configOf } from '../config.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printNote } from '../output.js';
import { checkSshLogin } from '../ssh-login.js';
import { StopSignals } from '../stop-signals.js';
import { makeFolder } from '../../posix/folder.js';

type ReceiveOptions = GlobalOptions & { attach?: string | undefined };

export const receiveCommand: CommandModule<GlobalOptions, ReceiveOptions> = {
  command: 'receive',
  describe: 'take in one guest over ssh; the leaving host starts it',
  builder: (yargs) =>
    yargs
      .option('attach', { type: 'string', describe: 'for xenferry itself: join a running receive at this socket' })
      .example('ssh host2 xenferry receive', 'what `xenferry migrate web1 xen+ssh://host2/system` does by itself'),
  handler: async (options) => {
    checkSshLogin(options);
    using stop = new StopSignals();
    if (options.attach !== undefined) {
      await attachToSocket(options.attach, process.stdin, process.stdout, stop.cancel);
      return;
    }
    await receive(options, stop);
  },
};

async function receive(options: ReceiveOptions, stop: StopSignals): Promise<void> {
  // When the ssh connection breaks, its notes have nowhere to go; the migration goes on over the next one.
  process.stderr.on('error', () => undefined);
  await using host = await openHost(options);
  // Before the reception, which says its last words over links that live in them.
  using threads = laneThreads();
  await using reception = new Reception(
    host,
    await host.hello(stop.cancel),
    printNote,
    undefined,
    configOf(options).keepalive,
  );
  await reception.recover();
  const peer = loggedIn();
  // The lanes' certificates are for once: who is there, ssh has proven. The token says which migration a lane is for.
  const accept = (link: Link): void => {
    reception.accept({ peer, duplex: link.duplex, destroy: (error) => link.destroy(error) });
  };
  await using _end = await ReceivingEnd.open(
    {
      input: process.stdin,
      output: process.stdout,
      runtimeDir: runtimeDir(),
      peer,
      onLink: accept,
      tls: {
        makeCredentials: makeOneTimeCredentials,
        host: '::',
        threads: threads && { pool: threads, onLink: (link) => reception.acceptFramed(link), peer },
        onRefused: ({ address, reason }) => printNote(`refused ${address}: ${messageOf(reason)}`),
      },
    },
    stop.cancel,
  );
  // The control link's end is not the migration's: one that was asked to finish is finished.
  await reception.drained();
}

/** Who sshd let in, as its environment says it. */
function loggedIn(): PeerIdentity {
  const [address, port] = (process.env.SSH_CONNECTION ?? '').split(' ');
  const where = address === '' ? 'standard input' : `${address}:${port}`;
  return { transport: 'ssh', name: `${userInfo().username}@ssh`, address: where };
}

function runtimeDir(): string {
  const dir =
    process.env.XDG_RUNTIME_DIR ??
    (process.getuid?.() === 0 ? '/run/xenferry' : join(tmpdir(), `xenferry-${userInfo().uid}`));
  makeFolder(dir);
  return dir;
}
