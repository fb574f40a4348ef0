import { given, type JsonObject } from '../libxl-json/json.js';
import type { ReadOf } from '../libxl-json/schema.js';
import { notMapped } from '../native/not-mapped.js';
import type { Placed } from './settings.js';
import type { NativeFormat } from './formats.js';
import { badConfig, type Place } from './syntax.js';

/*
 * A disk as xl-disk-configuration(5) has it: parameters by position (target, format, vdev, access) and by name,
 * mixed; `target=` takes the rest; and the prefixes of xm before it (`phy:`, `tap:aio:`, `file:`).
 */

const FORMATS = new Set(['raw', 'qcow', 'qcow2', 'vhd', 'qed', 'empty']);
const BACKENDS = new Set(['phy', 'tap', 'qdisk', 'standalone']);
/** Formats as xm's prefixes name them; the other prefixes say nothing about it. */
const FORMAT_PREFIX = /^(raw|qcow2?|vhd):/;
const OTHER_PREFIX = /^(?:tapdisk|tap2?|aio|ioemu|file|phy):/;

class DiskParser {
  target: string | undefined;
  format: string | undefined;
  vdev: string | undefined;
  backend: string | undefined;
  backendDomain: string | undefined;
  readonly: boolean | undefined;
  isCdrom = false;
  /** The first of xm's. */
  prefix: string | undefined;
  discard: boolean | undefined;
  #hadPrefix = false;

  constructor(private readonly at: Place) {}

  parse(spec: string): void {
    let rest = spec;
    while (rest.trim() !== '') {
      rest = rest.trimStart();
      const target = /^target=(.*)$/s.exec(rest);
      if (target !== null) {
        this.#setTarget(target[1].replace(/,$/, ''));
        return;
      }
      rest = this.#prefixes(rest);
      const comma = rest.indexOf(',');
      const part = comma < 0 ? rest : rest.slice(0, comma);
      rest = comma < 0 ? '' : rest.slice(comma + 1);
      this.#part(part.trim());
    }
  }

  /** Takes xm's prefixes off a target that is still to come. */
  #prefixes(text: string): string {
    let rest = text;
    while (this.target === undefined) {
      const format = FORMAT_PREFIX.exec(rest);
      const found = format ?? OTHER_PREFIX.exec(rest);
      if (found === null) break;
      if (format !== null) this.#setFormat(format[1]);
      this.#hadPrefix = true;
      this.prefix ??= found[0].slice(0, -1);
      rest = rest.slice(found[0].length);
    }
    return rest;
  }

  #part(part: string): void {
    const named = /^([a-z][-a-z0-9_]*)=(.*)$/s.exec(part);
    if (named !== null) this.#named(named[1], named[2]);
    else if (part === 'cdrom') this.isCdrom = true;
    else if (part === 'discard' || part === 'no-discard') this.discard = part === 'discard';
    else if (part === 'direct-io-safe' || part === 'trusted') return;
    else this.#positional(part);
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
        if (value !== 'cdrom' && value !== 'disk') throw badConfig(this.at, `disk: devtype ${JSON.stringify(value)}`);
        this.isCdrom = value === 'cdrom';
        return;
      case 'backend':
        this.backendDomain = value;
        return;
      case 'backendtype':
        if (!BACKENDS.has(value)) throw badConfig(this.at, `disk: ${JSON.stringify(value)} is no backendtype`);
        this.backend = value;
        return;
      default:
        throw badConfig(this.at, `disk: ${name} is not carried over by xenferry`);
    }
  }

  #positional(part: string): void {
    if (this.target === undefined) this.#setTarget(part);
    else if (!this.#hadPrefix && this.format === undefined) this.#formatOrDevice(part);
    else if (this.vdev === undefined) this.#setVdev(part);
    else if (this.readonly === undefined) this.#setAccess(part);
    else throw badConfig(this.at, `disk: ${JSON.stringify(part)} is one parameter too many`);
  }

  /** `,hdc:cdrom,r`: a drive without a medium has its name where the format would be. */
  #formatOrDevice(part: string): void {
    if (this.target !== '' || !part.includes(':')) return this.#setFormat(part);
    this.#setVdev(part);
    this.format = 'empty';
  }

  #setTarget(target: string): void {
    if (this.target !== undefined) throw badConfig(this.at, 'disk: the target is there more than once');
    this.target = target;
  }

  #setFormat(format: string): void {
    const name = format === '' ? 'raw' : format;
    if (!FORMATS.has(name)) throw badConfig(this.at, `disk: ${JSON.stringify(format)} is no format`);
    this.format = name;
  }

  #setVdev(text: string): void {
    const [vdev, ...types] = text.split(':');
    const type = types.at(0);
    if (types.length > 1 || (type !== undefined && type !== 'cdrom' && type !== 'disk')) {
      throw badConfig(this.at, `disk: ${JSON.stringify(text)} is no device name`);
    }
    if (this.vdev !== undefined) throw badConfig(this.at, 'disk: vdev is there more than once');
    this.vdev = vdev;
    if (type !== undefined) this.isCdrom = type === 'cdrom';
  }

  #setAccess(access: string): void {
    if (access === 'r' || access === 'ro') this.readonly = true;
    // `w!` of xm lets several domains write.
    else if (['w', 'rw', '', '!', 'w!'].includes(access)) this.readonly = false;
    else throw badConfig(this.at, `disk: ${JSON.stringify(access)} is no access; ro or rw`);
  }
}

/** What xm served a disk with, by its prefix and format; xl passes prefixes over and finds out. */
function xmBackend({ prefix, format }: DiskParser): string | undefined {
  if (prefix === 'phy') return 'phy';
  if (prefix === 'file') return 'qdisk';
  if (prefix?.startsWith('tap') !== true) return undefined;
  return format === undefined || format === 'raw' || format === 'vhd' ? 'tap' : 'qdisk';
}

/** libxl_device_disk of a disk's text. @throws UsageError `E_USAGE_XL_CONFIG` */
export function parseDiskText({ text, at }: Placed, format: NativeFormat): JsonObject {
  const disk = new DiskParser(at);
  disk.parse(text);
  if (disk.vdev === undefined || disk.vdev === '') throw badConfig(at, 'disk: the name in the guest (vdev) is missing');
  const target = disk.target === '' ? undefined : disk.target;
  if (target === undefined && !disk.isCdrom && disk.format !== 'empty')
    throw badConfig(at, 'disk: the target is missing');
  return given({
    pdev_path: target,
    vdev: disk.vdev,
    backend: disk.backend ?? (format === 'xen-xm' && target !== undefined ? xmBackend(disk) : undefined),
    backend_domname: disk.backendDomain,
    format: target === undefined ? 'empty' : (disk.format ?? 'raw'),
    removable: 1,
    readwrite: disk.isCdrom || disk.readonly === true ? 0 : 1,
    is_cdrom: disk.isCdrom ? 1 : 0,
    discard_enable: disk.discard === undefined ? undefined : disk.discard ? 'True' : 'False',
  });
}

type JsonDisk = ReadOf<'disks'>;

/** By name, target last, so that nothing in a path can be taken for a parameter. */
export function formatXlDisk(disk: JsonDisk): string {
  const words = [
    `format=${disk.format === 'unknown' ? 'raw' : disk.format}`,
    `vdev=${disk.vdev}`,
    `access=${disk.readwrite === 0 ? 'ro' : 'rw'}`,
    ...(disk.is_cdrom === 0 ? [] : ['devtype=cdrom']),
    ...(disk.backend_domname === undefined ? [] : [`backend=${disk.backend_domname}`]),
    ...(disk.backend === 'unknown' ? [] : [`backendtype=${disk.backend}`]),
    ...(disk.discard_enable === undefined ? [] : [disk.discard_enable ? 'discard' : 'no-discard']),
  ];
  if (words.some((word) => word.includes(','))) throw notMapped(`a comma in a name of disk ${disk.vdev}`, 'Rename it.');
  if (disk.pdev_path !== undefined) words.push(`target=${disk.pdev_path}`);
  return words.join(',');
}

/** `phy:/dev/x,xvda,w` and its like, by position. @throws RefusedError `E_REFUSED_NOT_MAPPED` */
export function formatXmDisk(disk: JsonDisk): string {
  const path = disk.pdev_path;
  if (path !== undefined && /[,=]/.test(path)) {
    throw notMapped(`the path ${path} in xm's syntax`, 'Use the format xen-xl.');
  }
  if (disk.backend_domname !== undefined || disk.discard_enable !== undefined) {
    throw notMapped(`what disk ${disk.vdev} says in xm's syntax`, 'Use the format xen-xl.');
  }
  const vdev = `${disk.vdev}${disk.is_cdrom === 0 ? '' : ':cdrom'}`;
  const access = disk.readwrite === 0 ? 'r' : 'w';
  if (path === undefined) return `,${vdev},${access}`;
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
