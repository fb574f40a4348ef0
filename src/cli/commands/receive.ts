import process from 'node:process';
import type { CommandModule } from 'yargs';
import { laneThreads, MigrationServer, StdioDuplex } from '../../api/internal/receiving.js';
import { attachToSocket } from '../../api/internal/sockets.js';
import { configOf } from '../../api/process/config.js';
import { forwardedToDaemon } from '../daemon/forward-to-daemon.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printNote } from '../output.js';
import { receiveOverSsh } from '../../api/process/receive-over-ssh.js';
import { checkSshLogin } from '../ssh-login.js';
import { sshPeer } from '../ssh-peer.js';
import { StopSignals } from '../stop-signals.js';

type ReceiveOptions = GlobalOptions & { attach?: string | undefined };

export const receiveCommand: CommandModule<GlobalOptions, ReceiveOptions> = {
  command: 'receive',
  describe: 'take in one guest over ssh; the leaving host starts it',
  builder: (yargs) =>
    yargs
      .option('attach', { type: 'string', describe: 'for xenferry itself: join a running receive at this socket' })
      .example('ssh host2 xenferry receive', 'what `xenferry migrate web1 xen+ssh://host2/system` does by itself'),
  handler: async (options) => {
    using stop = new StopSignals();
    if (options.attach === undefined && (await forwardedToDaemon(options, stop.cancel))) return;
    checkSshLogin(options);
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
  // Before the migration server, which sends its last messages over links that live in them.
  using threads = laneThreads();
  await using migrationServer = new MigrationServer(
    host,
    await host.hello(stop.cancel),
    printNote,
    undefined,
    configOf(options).keepalive,
  );
  await migrationServer.recover();
  const stdio = new StdioDuplex(process.stdin, process.stdout);
  await receiveOverSsh(stdio, sshPeer(), { migrationServer, threads, log: printNote }, stop.cancel);
  // The control link's end is not the migration's: one that was asked to finish is finished.
  await migrationServer.drained();
}
