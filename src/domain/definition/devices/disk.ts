import { element, type XmlElement } from '../../../xml/element.js';
import { otherBackend } from '../../backend-domain.js';
import type { ElementReader } from '../element-reader.js';

/** Servers of one network disk. */
const MAX_HOSTS = 64;

const DEVICES = ['disk', 'cdrom', 'floppy', 'lun'] as const;
const BUSES = ['xen', 'ide', 'scsi', 'fdc', 'sata', 'usb', 'virtio'] as const;
export const DISK_DRIVERS = ['phy', 'file', 'qemu', 'tap', 'tap2'] as const;
export const DISK_FORMATS = ['raw', 'qcow', 'qcow2', 'qed', 'vhd'] as const;

export type DiskDriverName = (typeof DISK_DRIVERS)[number];
export type DiskFormat = (typeof DISK_FORMATS)[number];
export type DiskBus = (typeof BUSES)[number];

export type DiskSource =
  /** An undefined path is a drive without a medium. */
  | { readonly type: 'file' | 'block'; readonly path: string | undefined }
  | { readonly type: 'volume'; readonly pool: string; readonly volume: string }
  | NetworkSource;

/** `<source>` of a network disk. */
export interface NetworkSource {
  readonly type: 'network';
  readonly protocol: string;
  readonly name: string;
  readonly hosts: readonly { readonly name: string; readonly port: number | undefined }[];
  readonly configFile: string | undefined;
  readonly auth: DiskAuth | undefined;
}

/** `<auth>` of a network disk: a reference to a secret. */
export interface DiskAuth {
  readonly username: string;
  readonly secretType: string;
  readonly secret: { readonly uuid: string } | { readonly usage: string };
}

/** `<disk>`. */
export interface Disk {
  readonly kind: 'disk';
  readonly device: (typeof DEVICES)[number];
  readonly source: DiskSource;
  readonly driver: DiskDriverName | undefined;
  readonly format: DiskFormat | undefined;
  readonly discard: 'unmap' | 'ignore' | undefined;
  /** The name in the guest: `xvda`, `hdc`. Unique in the domain. */
  readonly target: string;
  readonly bus: DiskBus | undefined;
  readonly readonly: boolean;
  readonly shareable: boolean;
  readonly transient: boolean;
  /** The domain that serves the disk, if it is not domain 0. */
  readonly backendDomain: string | undefined;
}

function readAuth(auth: ElementReader): DiskAuth {
  const secret = auth.child('secret', (reader) => {
    const type = reader.need('type');
    const uuid = reader.attribute('uuid');
    return { type, secret: uuid === undefined ? { usage: reader.need('usage') } : { uuid } };
  });
  if (secret === undefined) throw auth.bad('secret', 'is missing');
  return { username: auth.need('username'), secretType: secret.type, secret: secret.secret };
}

function readSource(disk: ElementReader): DiskSource {
  const type = disk.choice('type', ['file', 'block', 'volume', 'network']) ?? 'file';
  // In older documents <auth> is a sibling of <source>.
  const auth = disk.child('auth', readAuth);
  const source = disk.child('source', (reader): DiskSource => {
    reader.skip('index');
    switch (type) {
      case 'file':
        return { type, path: reader.attribute('file') };
      case 'block':
        return { type, path: reader.attribute('dev') };
      case 'volume':
        return { type, pool: reader.need('pool'), volume: reader.need('volume') };
      case 'network':
        return {
          type,
          protocol: reader.need('protocol'),
          name: reader.need('name'),
          hosts: reader.children('host', MAX_HOSTS, (host) => ({
            name: host.need('name'),
            port: host.integer('port', 1, 65_535),
          })),
          configFile: reader.child('config', (config) => config.need('file')),
          auth: reader.child('auth', readAuth) ?? auth,
        };
    }
  });
  if (source !== undefined) return source;
  if (type === 'file' || type === 'block') return { type, path: undefined };
  throw disk.bad('source', 'is missing');
}

/** `aio` in old documents stands for a raw image. */
function readFormat(driver: ElementReader): DiskFormat | undefined {
  const format = driver.choice('type', [...DISK_FORMATS, 'aio']);
  return format === 'aio' ? 'raw' : format;
}

/** Reads a `<disk>`. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readDisk(reader: ElementReader): Disk {
  const driver = reader.child('driver', (one) => ({
    name: one.choice('name', DISK_DRIVERS),
    format: readFormat(one),
    discard: one.choice('discard', ['unmap', 'ignore']),
  }));
  const target = reader.child('target', (one) => {
    one.skip('tray');
    return { dev: one.need('dev'), bus: one.choice('bus', BUSES) };
  });
  if (target === undefined) throw reader.bad('target', 'is missing');
  reader.skip('backingStore');
  return {
    kind: 'disk',
    device: reader.choice('device', DEVICES) ?? 'disk',
    source: readSource(reader),
    driver: driver?.name,
    format: driver?.format,
    discard: driver?.discard,
    target: target.dev,
    bus: target.bus,
    readonly: reader.flag('readonly'),
    shareable: reader.flag('shareable'),
    transient: reader.flag('transient'),
    backendDomain: otherBackend(reader.child('backenddomain', (one) => one.need('name'))),
  };
}

function writeSource(source: DiskSource): XmlElement[] {
  switch (source.type) {
    case 'file':
      return source.path === undefined ? [] : [element('source', { file: source.path })];
    case 'block':
      return source.path === undefined ? [] : [element('source', { dev: source.path })];
    case 'volume':
      return [element('source', { pool: source.pool, volume: source.volume })];
    case 'network':
      return [
        element('source', { protocol: source.protocol, name: source.name }, [
          ...source.hosts.map(({ name, port }) => element('host', { name, port })),
          ...(source.configFile === undefined ? [] : [element('config', { file: source.configFile })]),
          ...(source.auth === undefined
            ? []
            : [
                element('auth', { username: source.auth.username }, [
                  element('secret', { type: source.auth.secretType, ...source.auth.secret }),
                ]),
              ]),
        ]),
      ];
  }
}

/** The disk as `<disk>`. */
export function writeDisk(disk: Disk): XmlElement {
  const { driver, format, discard } = disk;
  return element('disk', { type: disk.source.type, device: disk.device }, [
    ...(driver === undefined && format === undefined && discard === undefined
      ? []
      : [element('driver', { name: driver, type: format, discard })]),
    ...writeSource(disk.source),
    ...(disk.backendDomain === undefined ? [] : [element('backenddomain', { name: disk.backendDomain })]),
    element('target', { dev: disk.target, bus: disk.bus }),
    ...(disk.readonly ? [element('readonly')] : []),
    ...(disk.shareable ? [element('shareable')] : []),
    ...(disk.transient ? [element('transient')] : []),
  ]);
}
