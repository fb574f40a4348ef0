import process from 'node:process';
import type { CommandModule } from 'yargs';
import { runMonitor, type MonitorEnd } from '../../api/internal/monitor.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printNote } from '../output.js';
import { StopSignals } from '../stop-signals.js';

const ENDS: Readonly<Record<MonitorEnd, string>> = {
  'watched-already': 'another process watches the domains of this host already',
  'no-domain-left': 'no domain is left to watch',
  'daemon-came': 'a daemon watches from here on',
  'host-gone': 'the state folder is gone',
  stopped: 'stopped',
};

export const monitorCommand: CommandModule<GlobalOptions, GlobalOptions> = {
  command: 'monitor',
  describe: 'watch the domains of this host until none is left; started with the first domain if no serve runs',
  builder: (yargs) =>
    yargs.example('$0 monitor', 'watch in the foreground: on_reboot, on_crash and on_poweroff are carried out'),
  handler: async (options) => {
    const log = (line: string): void => printNote(`${new Date().toISOString()} ${line}`);
    await using host = await openHost(options, { isWatching: true, log });
    using stop = new StopSignals();
    log(`monitor of ${host.toolstack.uri}, process ${process.pid}`);
    log(ENDS[await runMonitor(host, `xenferry monitor (process ${process.pid})`, stop.cancel)]);
  },
};
