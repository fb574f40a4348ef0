import type { Argv, CommandModule } from 'yargs';
import {
  type Device,
  deviceText,
  parseDeviceXml,
  attachDevice,
  type DeviceChange,
  detachDevice,
  updateDevice,
} from '../../api/internal/devices.js';
import type { Host } from '../../api/internal/host.js';
import type { ImpactFlags } from '../../api/internal/impact.js';
import { domainArgument, flag, forceLeaseFlag, readUserXml, shownName, type DomainOptions } from '../domain-options.js';
import { impactOptions } from '../impact-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printLine, printWarnings } from '../output.js';
import { StopSignals } from '../stop-signals.js';

/** What a change of devices applies to. */
export type DeviceImpact = ImpactFlags & { persistent: boolean };

export const deviceImpactOptions = <T>(yargs: Argv<T>): Argv<T & DeviceImpact> =>
  impactOptions(yargs.option('persistent', flag('its definition, and the running domain if it runs')));

export const impactOfOptions = ({ live, config, current, persistent }: DeviceImpact): Required<ImpactFlags> => ({
  live,
  config,
  current,
  persistent,
});

/** Changes a device and prints the result. */
export async function tellChange(
  options: GlobalOptions,
  done: string,
  work: (host: Host, signal: AbortSignal) => Promise<DeviceChange>,
): Promise<void> {
  await using host = await openHost(options);
  using stop = new StopSignals();
  const { name, device } = await work(host, stop.cancel);
  printLine(`Domain ${shownName(name)}: ${deviceText(device)} ${done}`);
}

type FileOptions = DomainOptions & DeviceImpact & { file: string };

const fileOptions = <T>(yargs: Argv<T>): Argv<T & DeviceImpact & { domain: string; file: string }> =>
  deviceImpactOptions(domainArgument(yargs)).positional('file', {
    type: 'string',
    demandOption: true,
    describe: 'XML of one device, as dumpxml shows it',
  });

/** The device in a file; ignored content is printed as warnings. */
function deviceIn(file: string): Device {
  const warnings: string[] = [];
  const device = parseDeviceXml(readUserXml(file), warnings);
  printWarnings(warnings);
  return device;
}

export const attachDeviceCommand: CommandModule<GlobalOptions, FileOptions & { 'force-lease': boolean }> = {
  command: 'attach-device <domain> <file>',
  describe: 'attach a device to a domain, running or not',
  builder: (yargs) =>
    fileOptions(yargs)
      .option('force-lease', forceLeaseFlag)
      .example('$0 attach-device web1 disk.xml --persistent', 'now, and from its next start on'),
  handler: async (options) => {
    const device = deviceIn(options.file);
    const flags = impactOfOptions(options);
    const forceLease = options['force-lease'];
    await tellChange(options, 'attached', (host, signal) =>
      attachDevice(host, options.domain, { device, flags, forceLease, signal }),
    );
  },
};

/** For verbs that detach a disk. */
export const forceDetachFlag = flag(
  'detach a disk also from a guest that uses it: data that the guest has not written yet is lost',
);

export const detachDeviceCommand: CommandModule<GlobalOptions, FileOptions & { force: boolean }> = {
  command: 'detach-device <domain> <file>',
  describe: 'detach a device from a domain, running or not',
  builder: (yargs) =>
    fileOptions(yargs)
      .option('force', forceDetachFlag)
      .example('$0 detach-device web1 disk.xml', 'found by its target, address or number'),
  handler: async (options) => {
    const device = deviceIn(options.file);
    const flags = impactOfOptions(options);
    await tellChange(options, 'detached', (host, signal) =>
      detachDevice(host, options.domain, { device, flags, force: options.force, signal }),
    );
  },
};

export const updateDeviceCommand: CommandModule<GlobalOptions, FileOptions> = {
  command: 'update-device <domain> <file>',
  describe: 'change a device of a domain; of a running one, the medium of a CD-ROM drive',
  builder: (yargs) =>
    fileOptions(yargs).example('$0 update-device web1 cdrom.xml', "the drive's <source> is the new medium"),
  handler: async (options) => {
    const device = deviceIn(options.file);
    const flags = impactOfOptions(options);
    await tellChange(options, 'updated', (host, signal) =>
      updateDevice(host, options.domain, { device, flags, signal }),
    );
  },
};
