import { given, type Json, type JsonObject } from '../libxl-json/json.js';
import type { ReadOf } from '../libxl-json/schema.js';
import { notMapped } from '../native/not-mapped.js';
import { oneOf, type Placed } from './settings.js';
import type { NativeFormat } from './formats.js';
import { badConfig, type Place } from './syntax.js';

/*
 * A disk in the form of xl-disk-configuration(5) and libxlu_disk_l.l: parameters by position (target, format, vdev,
 * access) and by name, mixed; `target=` takes the rest. Each parameter may have prefixes of xm before it (`phy:`,
 * `tap:aio:`, `file:`, `ioemu:`); the first of them means that no format is given by position.
 */

const FORMATS = ['raw', 'qcow', 'qcow2', 'vhd', 'qed', 'empty'] as const;
const BACKENDS = ['phy', 'tap', 'qdisk', 'standalone'] as const;
const SPECIFICATIONS = ['xen', 'virtio'] as const;
/** Formats by xm's prefixes, Xen's block scripts, and prefixes without a meaning now. */
const FORMAT_PREFIXES: ReadonlySet<string> = new Set(['raw', 'qcow', 'qcow2', 'vhd']);
const SCRIPT_PREFIXES: ReadonlySet<string> = new Set(['iscsi', 'nbd', 'enbd', 'drbd']);
const PLAIN_PREFIXES: ReadonlySet<string> = new Set(['tapdisk', 'tap', 'tap2', 'aio', 'ioemu', 'file', 'phy']);
/** A word with a colon before a path is a prefix; before letters it may be part of the target (`rbd:pool/image`). */
const UNKNOWN_PREFIX = /^([a-z][a-z0-9]{0,31}):(?![a-z0-9])/;
const PREFIX = /^([a-z][a-z0-9]{0,31}):/;

class DiskParser {
  target: string | undefined;
  format: string | undefined;
  vdev: string | undefined;
  backend: string | undefined;
  backendDomain: string | undefined;
  script: string | undefined;
  readonly: boolean | undefined;
  isCdrom = false;
  /** The first prefix of xm before the target. */
  prefix: string | undefined;
  discard: boolean | undefined;
  readonly options: Record<string, Json> = {};
  #hadPrefix = false;

  constructor(
    private readonly at: Place,
    private readonly warn: (text: string) => void,
  ) {}

  parse(spec: string): void {
    let rest = spec.trimStart();
    while (rest !== '') {
      if (rest.startsWith('target=')) {
        this.#setTarget(rest.slice('target='.length).replace(/,$/, ''));
        return;
      }
      rest = this.#prefixes(rest);
      const comma = rest.indexOf(',');
      const part = comma < 0 ? rest : rest.slice(0, comma);
      rest = comma < 0 ? '' : rest.slice(comma + 1).trimStart();
      this.#part(part.trim());
    }
  }

  /** Removes xm's prefixes from a parameter. */
  #prefixes(text: string): string {
    let rest = text;
    for (;;) {
      const word = PREFIX.exec(rest)?.[1] ?? '';
      if (FORMAT_PREFIXES.has(word)) this.#setFormat(word);
      else if (SCRIPT_PREFIXES.has(word)) this.script = this.#once('script', this.script, `block-${word}`);
      else if (!PLAIN_PREFIXES.has(word)) break;
      this.#hadPrefix = true;
      if (this.target === undefined) this.prefix ??= word;
      rest = rest.slice(word.length + 1);
    }
    const unknown = UNKNOWN_PREFIX.exec(rest);
    // The device of a drive without a medium: `,hdc:cdrom`.
    if (unknown !== null && this.target === undefined) {
      throw badConfig(this.at, `disk: ${JSON.stringify(unknown[0])} is not a prefix of xl`);
    }
    return rest;
  }

  #part(part: string): void {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    if (equals >= 0) this.#named(name, part.slice(equals + 1));
    else if (!this.#flag(part)) this.#positional(part);
  }

  #flag(word: string): boolean {
    switch (word) {
      case 'cdrom':
        this.isCdrom = true;
        return true;
      case 'discard':
      case 'no-discard':
        this.discard = word === 'discard';
        return true;
      case 'trusted':
      case 'untrusted':
        this.options.trusted = word === 'trusted' ? 'True' : 'False';
        return true;
      case 'direct-io-safe':
        this.options.direct_io_safe = true;
        return true;
      case 'colo':
      case 'no-colo':
        this.#leaveOut(word);
        return true;
      default:
        return false;
    }
  }

  #named(name: string, value: string): void {
    switch (name) {
      case 'format':
        return this.#setFormat(value);
      case 'vdev':
        return this.#setVdev(value);
      case 'access':
        return this.#setAccess(value);
      case 'devtype':
        this.isCdrom = oneOf({ text: value, at: this.at }, 'disk: devtype', ['cdrom', 'disk']) === 'cdrom';
        return;
      case 'backend':
        this.backendDomain = this.#once('backend', this.backendDomain, value);
        return;
      case 'backendtype': {
        const backend = oneOf({ text: value, at: this.at }, 'disk: backendtype', BACKENDS);
        this.backend = this.#once('backendtype', this.backend, backend);
        return;
      }
      case 'script':
        this.script = this.#once('script', this.script, value);
        return;
      case 'specification':
        this.options.specification = oneOf({ text: value, at: this.at }, 'disk: specification', SPECIFICATIONS);
        return;
      case 'grant_usage':
        this.options.grant_usage =
          oneOf({ text: value, at: this.at }, 'disk: grant_usage', ['0', '1']) === '1' ? 'True' : 'False';
        return;
      case 'colo-host':
      case 'colo-port':
      case 'colo-export':
      case 'active-disk':
      case 'hidden-disk':
        return this.#leaveOut(name);
      default:
        throw badConfig(this.at, `disk: ${JSON.stringify(name)} is not a parameter of xl`);
    }
  }

  #leaveOut(name: string): void {
    this.warn(`disk: ${name} is not carried over: it belongs to COLO replication, which xenferry does not support`);
  }

  #positional(part: string): void {
    if (this.target === undefined) this.#setTarget(part);
    else if (!this.#hadPrefix && this.format === undefined) this.#formatOrDevice(part);
    else if (this.vdev === undefined) this.#setVdev(part);
    else if (this.readonly === undefined) this.#setAccess(part);
    else throw badConfig(this.at, `disk: ${JSON.stringify(part)} is one parameter too many`);
  }

  /** `,hdc:cdrom,r`: a drive without a medium has its name in the position of the format. */
  #formatOrDevice(part: string): void {
    if (this.target !== '' || !part.includes(':')) return this.#setFormat(part);
    this.#setVdev(part);
    this.format = 'empty';
  }

  /** A value that must not be given twice; an empty one may. */
  #once(name: string, before: string | undefined, now: string): string {
    if (before !== undefined && before !== '' && before !== now) {
      throw badConfig(this.at, `disk: ${name} is given more than once`);
    }
    return now;
  }

  #setTarget(target: string): void {
    this.target = this.#once('the target', this.target, target);
  }

  #setFormat(format: string): void {
    const name = format === '' ? 'raw' : format;
    if (!FORMATS.some((one) => one === name))
      throw badConfig(this.at, `disk: ${JSON.stringify(format)} is not a format`);
    this.format = this.#once('format', this.format, name);
  }

  #setVdev(text: string): void {
    const [vdev, ...types] = text.split(':');
    const type = types.at(0);
    if (types.length > 1 || (type !== undefined && type !== 'cdrom' && type !== 'disk')) {
      throw badConfig(this.at, `disk: ${JSON.stringify(text)} is not a device name`);
    }
    this.vdev = this.#once('vdev', this.vdev, vdev);
    if (type !== undefined) this.isCdrom = type === 'cdrom';
  }

  #setAccess(access: string): void {
    if (access === 'r' || access === 'ro') this.readonly = true;
    // `w!` of xm lets several domains write.
    else if (['w', 'rw', '', '!', 'w!'].includes(access)) this.readonly = false;
    else throw badConfig(this.at, `disk: ${JSON.stringify(access)} is not an access mode; use ro or rw`);
  }
}

/** The backend that xm used for a disk, by its prefix and format; xl ignores prefixes and determines it itself. */
function xmBackend({ prefix, format, script }: DiskParser): string | undefined {
  if (script !== undefined) return undefined;
  if (prefix === 'phy') return 'phy';
  if (prefix === 'file') return 'qdisk';
  if (prefix?.startsWith('tap') !== true) return undefined;
  return format === undefined || format === 'raw' || format === 'vhd' ? 'tap' : 'qdisk';
}

/** A path is below `/dev` unless it begins at the root; arguments of scripts and network images are not paths. */
function pathOf(target: string, { script }: DiskParser): string {
  const isPath = script === undefined && !target.startsWith('/') && !/^[a-z][a-z0-9+]{0,31}:/.test(target);
  return isPath ? `/dev/${target}` : target;
}

/**
 * libxl_device_disk of a disk's text.
 * @param warn called for parameters that are left out
 * @throws UsageError `E_USAGE_XL_CONFIG`
 */
export function parseDiskText({ text, at }: Placed, format: NativeFormat, warn: (text: string) => void): JsonObject {
  const disk = new DiskParser(at, warn);
  disk.parse(text);
  if (disk.vdev === undefined || disk.vdev === '') throw badConfig(at, 'disk: the name in the guest (vdev) is missing');
  const target = disk.target === '' ? undefined : disk.target;
  if (target === undefined && !disk.isCdrom && disk.format !== 'empty')
    throw badConfig(at, 'disk: the target is missing');
  return given({
    pdev_path: target === undefined ? undefined : pathOf(target, disk),
    vdev: disk.vdev,
    backend: disk.backend ?? (format === 'xen-xm' && target !== undefined ? xmBackend(disk) : undefined),
    backend_domname: disk.backendDomain,
    format: target === undefined ? 'empty' : (disk.format ?? 'raw'),
    script: disk.script === '' ? undefined : disk.script,
    removable: 1,
    readwrite: disk.isCdrom || disk.readonly === true ? 0 : 1,
    is_cdrom: disk.isCdrom ? 1 : 0,
    discard_enable: disk.discard === undefined ? undefined : disk.discard ? 'True' : 'False',
    ...disk.options,
  });
}

type JsonDisk = ReadOf<'disks'>;

/** The disk's text with named parameters, target last, so that no part of a path can be taken for a parameter. */
export function formatXlDisk(disk: JsonDisk): string {
  const words = [
    `format=${disk.format === 'unknown' ? 'raw' : disk.format}`,
    `vdev=${disk.vdev}`,
    `access=${disk.readwrite === 0 ? 'ro' : 'rw'}`,
    ...(disk.is_cdrom === 0 ? [] : ['devtype=cdrom']),
    ...(disk.backend_domname === undefined ? [] : [`backend=${disk.backend_domname}`]),
    ...(disk.backend === 'unknown' ? [] : [`backendtype=${disk.backend}`]),
    ...(disk.script === undefined ? [] : [`script=${disk.script}`]),
    ...(disk.discard_enable === undefined ? [] : [disk.discard_enable ? 'discard' : 'no-discard']),
    ...(disk.trusted === undefined ? [] : [disk.trusted ? 'trusted' : 'untrusted']),
    ...(disk.direct_io_safe ? ['direct-io-safe'] : []),
    ...(disk.specification === undefined || disk.specification === 'unknown'
      ? []
      : [`specification=${disk.specification}`]),
    ...(disk.grant_usage === undefined ? [] : [`grant_usage=${disk.grant_usage ? 1 : 0}`]),
  ];
  if (words.some((word) => word.includes(','))) throw notMapped(`a comma in a name of disk ${disk.vdev}`, 'Rename it.');
  if (disk.pdev_path !== undefined) words.push(`target=${disk.pdev_path}`);
  return words.join(',');
}

/** `phy:/dev/x,xvda,w` and similar, by position. @throws RefusedError `E_REFUSED_NOT_MAPPED` */
export function formatXmDisk(disk: JsonDisk): string {
  const path = disk.pdev_path;
  if (path !== undefined && /[,=]/.test(path)) {
    throw notMapped(`the path ${path} in xm's syntax`, 'Use the format xen-xl.');
  }
  const isXlOnly =
    (disk.backend_domname ?? disk.discard_enable ?? disk.trusted ?? disk.grant_usage) !== undefined ||
    disk.direct_io_safe ||
    (disk.specification !== undefined && disk.specification !== 'unknown');
  if (isXlOnly) {
    throw notMapped(`the settings of disk ${disk.vdev} in xm's syntax`, 'Use the format xen-xl.');
  }
  const vdev = `${disk.vdev}${disk.is_cdrom === 0 ? '' : ':cdrom'}`;
  const access = disk.readwrite === 0 ? 'r' : 'w';
  if (path === undefined) return `,${vdev},${access}`;
  if (disk.script !== undefined) {
    // xm located scripts by the prefix alone.
    const prefix = /^block-([a-z][a-z0-9]{0,31})$/.exec(disk.script)?.[1];
    if (prefix === undefined || !SCRIPT_PREFIXES.has(prefix)) {
      throw notMapped(`script ${disk.script} of disk ${disk.vdev} in xm's syntax`, 'Use the format xen-xl.');
    }
    return `${prefix}:${path},${vdev},${access}`;
  }
  return `${xmPrefix(disk, path)}${path},${vdev},${access}`;
}

function xmPrefix({ backend, format, vdev }: JsonDisk, path: string): string {
  if (format !== 'raw' && format !== 'unknown') {
    if (format === 'qed' || format === 'empty')
      throw notMapped(`format ${format} of disk ${vdev} in xm's syntax`, 'Use xen-xl.');
    return `tap:${format}:`;
  }
  if (backend === 'phy' || (backend === 'unknown' && path.startsWith('/dev/'))) return 'phy:';
  return backend === 'tap' ? 'tap:aio:' : 'file:';
}
