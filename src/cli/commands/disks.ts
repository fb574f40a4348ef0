import { basename } from 'node:path';
import type { CommandModule } from 'yargs';
import {
  plainDevice,
  type Device,
  type Disk,
  type DiskDriverName,
  type DiskFormat,
  type DiskSource,
  DISK_DRIVERS,
  DISK_FORMATS,
  attachDevice,
  detachDevice,
  listDisks,
  changeMedia,
  type MediumAction,
} from '../../api/internal/devices.js';
import { UsageError } from '../../api/errors.js';
import {
  domainArgument,
  flag,
  forceLeaseFlag,
  jsonOption,
  type DomainOptions,
  type JsonOptions,
} from '../domain-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printTable } from '../output.js';
import { StopSignals } from '../stop-signals.js';
import { deviceImpactOptions, forceDetachFlag, impactOfOptions, tellChange, type DeviceImpact } from './devices.js';

const SOURCE_TYPES = ['file', 'block'] as const;
type SourceType = (typeof SOURCE_TYPES)[number];

/** A path in /dev is a device, unless the type is given. */
function sourceOf(path: string | undefined, type: SourceType | undefined): Extract<DiskSource, { type: SourceType }> {
  return { type: type ?? (path?.startsWith('/dev/') === true ? 'block' : 'file'), path };
}

function diskOf(target: string, about: Partial<Disk>): Device & Disk {
  return plainDevice({
    kind: 'disk',
    device: 'disk',
    source: { type: 'file', path: undefined },
    driver: undefined,
    format: undefined,
    discard: undefined,
    target,
    bus: undefined,
    readonly: false,
    shareable: false,
    transient: false,
    backendDomain: undefined,
    ...about,
  });
}

type AttachDiskOptions = DomainOptions &
  DeviceImpact & {
    source: string;
    target: string;
    sourcetype?: SourceType | undefined;
    driver?: DiskDriverName | undefined;
    subdriver?: DiskFormat | undefined;
    type: 'disk' | 'cdrom' | 'floppy';
    mode?: 'readonly' | 'shareable' | undefined;
    'force-lease': boolean;
  };

export const attachDiskCommand: CommandModule<GlobalOptions, AttachDiskOptions> = {
  command: 'attach-disk <domain> <source> <target>',
  describe: 'attach a disk to a domain, running or not',
  builder: (yargs) =>
    deviceImpactOptions(domainArgument(yargs))
      .positional('source', {
        type: 'string',
        demandOption: true,
        describe: 'path of the image or device on this host',
      })
      .positional('target', { type: 'string', demandOption: true, describe: 'its name in the guest, such as xvdb' })
      .option('sourcetype', { choices: SOURCE_TYPES, describe: 'default: block for a path in /dev, else file' })
      .option('driver', { choices: DISK_DRIVERS, describe: 'its backend; default: the toolstack chooses' })
      .option('subdriver', { choices: DISK_FORMATS, describe: 'format of the image; default: raw' })
      .option('type', {
        choices: ['disk', 'cdrom', 'floppy'] as const,
        default: 'disk' as const,
        describe: 'what it is',
      })
      .option('mode', { choices: ['readonly', 'shareable'] as const, describe: 'default: writable and not shared' })
      .option('force-lease', forceLeaseFlag)
      .example('$0 attach-disk web1 /dev/vg0/web1-data xvdb --persistent', 'now, and from its next start on'),
  handler: async (options) => {
    const device = diskOf(options.target, {
      device: options.type,
      source: sourceOf(options.source, options.sourcetype),
      driver: options.driver,
      format: options.subdriver,
      readonly: options.mode === 'readonly',
      shareable: options.mode === 'shareable',
    });
    const flags = impactOfOptions(options);
    const forceLease = options['force-lease'];
    await tellChange(options, 'attached', (host, signal) =>
      attachDevice(host, options.domain, { device, flags, forceLease, signal }),
    );
  },
};

export const detachDiskCommand: CommandModule<
  GlobalOptions,
  DomainOptions & DeviceImpact & { target: string; force: boolean }
> = {
  command: 'detach-disk <domain> <target>',
  describe: 'detach a disk from a domain, running or not',
  builder: (yargs) =>
    deviceImpactOptions(domainArgument(yargs))
      .positional('target', { type: 'string', demandOption: true, describe: 'its name in the guest, such as xvdb' })
      .option('force', forceDetachFlag)
      .example('$0 detach-disk web1 xvdb', 'the guest has to release it: unmount it there first'),
  handler: async (options) => {
    const device = diskOf(options.target, {});
    const flags = impactOfOptions(options);
    await tellChange(options, 'detached', (host, signal) =>
      detachDevice(host, options.domain, { device, flags, force: options.force, signal }),
    );
  },
};

type MediaOptions = DomainOptions &
  DeviceImpact & {
    target: string;
    source?: string | undefined;
    eject: boolean;
    insert: boolean;
    update: boolean;
    block: boolean;
  };

function mediumAction({ eject, insert, update, source }: MediaOptions): MediumAction {
  if ([eject, insert, update].filter(Boolean).length > 1) {
    throw new UsageError('E_USAGE_ARGUMENTS', '--eject, --insert and --update exclude each other', {
      hint: 'Use one of them.',
    });
  }
  if (eject && source !== undefined) {
    throw new UsageError('E_USAGE_ARGUMENTS', '--eject takes no source', { hint: 'Leave the source out.' });
  }
  if (!eject && source === undefined) {
    throw new UsageError('E_USAGE_ARGUMENTS', 'no medium is given', {
      hint: 'Name its image, or use --eject.',
    });
  }
  return eject ? 'eject' : insert ? 'insert' : 'update';
}

export const changeMediaCommand: CommandModule<GlobalOptions, MediaOptions> = {
  command: 'change-media <domain> <target> [source]',
  describe: 'insert a medium into a CD-ROM drive of a domain, or eject it',
  builder: (yargs) =>
    deviceImpactOptions(domainArgument(yargs))
      .positional('target', { type: 'string', demandOption: true, describe: 'the drive, such as hdc' })
      .positional('source', { type: 'string', describe: 'path of the image on this host' })
      .option('eject', flag('eject the medium'))
      .option('insert', flag('insert one into an empty drive'))
      .option('update', flag('insert one, replacing any other; the default'))
      .option('block', flag('the source is a device'))
      .example('$0 change-media web1 hdc /srv/iso/tools.iso', 'replacing the present medium'),
  handler: async (options) => {
    const action = mediumAction(options);
    const source = sourceOf(options.source, options.block ? 'block' : undefined);
    const flags = impactOfOptions(options);
    const done = action === 'eject' ? 'is empty' : `has ${basename(options.source ?? '')} in it`;
    await tellChange(options, done, (host, signal) =>
      changeMedia(host, options.domain, { target: options.target, action, source, flags, signal }),
    );
  },
};

function pathOf({ source }: Disk): string | undefined {
  switch (source.type) {
    case 'file':
    case 'block':
      return source.path;
    case 'volume':
      return `${source.pool}/${source.volume}`;
    case 'network':
      return `${source.protocol}:${source.name}`;
  }
}

type ListOptions = JsonOptions & DomainOptions & { inactive: boolean; details: boolean };

export const domblklistCommand: CommandModule<GlobalOptions, ListOptions> = {
  command: 'domblklist <domain>',
  describe: 'list the disks of a domain',
  builder: (yargs) =>
    jsonOption(domainArgument(yargs))
      .option('inactive', flag('as its next start will have them'))
      .option('details', flag('with types and backends'))
      .example('$0 domblklist web1 --details', 'names in the guest and sources'),
  handler: async ({ inactive, details, json, ...options }) => {
    await using host = await openHost(options);
    using stop = new StopSignals();
    const disks = await listDisks(host, options.domain, { inactive, signal: stop.cancel });
    if (json) {
      printJson(
        disks.map((disk) => ({
          target: disk.target,
          source: pathOf(disk) ?? null,
          type: disk.source.type,
          device: disk.device,
          driver: disk.driver ?? null,
          format: disk.format ?? null,
          readonly: disk.readonly,
        })),
      );
    } else if (details) {
      printTable(
        ['Type', 'Device', 'Driver', 'Target', 'Source'],
        disks.map((disk) => [disk.source.type, disk.device, disk.driver ?? '-', disk.target, pathOf(disk) ?? '-']),
      );
    } else {
      printTable(
        ['Target', 'Source'],
        disks.map((disk) => [disk.target, pathOf(disk) ?? '-']),
      );
    }
  },
};
