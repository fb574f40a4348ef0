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
  describe: 'receive one guest over ssh; started by the source',
  builder: (yargs) =>
    yargs
      .option('attach', { type: 'string', describe: 'for xenferry itself: join a running receive at this socket' })
      .example('ssh host2 xenferry receive', 'as started by `xenferry migrate web1 xen+ssh://host2/system`'),
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
  // When the ssh connection breaks, notes cannot be written; the migration continues over the next one.
  process.stderr.on('error', () => undefined);
  await using host = await openHost(options);
  // Before the migration server, which sends its last messages over links in these threads.
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
  // The end of the control link does not end the migration: after a finish it is completed.
  await migrationServer.drained();
}
