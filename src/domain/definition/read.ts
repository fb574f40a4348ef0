import { element, type XmlElement } from '../../xml/element.js';
import { parseXml } from '../../xml/parse.js';
import { parseCpuSet } from '../cpu-set.js';
import type { Domain } from '../model.js';
import { badXml } from '../xml-trouble.js';
import { readClock } from './clock.js';
import { readCpu } from './cpu.js';
import { deviceElements, devicePaths, readDevice, type Device } from './devices/device.js';
import { readElement, type ElementReader, type Reading } from './element-reader.js';
import { readFeatures } from './features.js';
import { deviceNotes } from './notes.js';
import { CRASH_ACTIONS, LIFECYCLE_ACTIONS, type Definition, type VcpuPin } from './model.js';
import { readNumaTune, withNodes } from './numatune.js';
import { readOs } from './os.js';
import { readPower } from './power.js';

/** Namespace of device model arguments in libvirt's domain XML for Xen (L15). */
export const XEN_NS = 'http://libvirt.org/schemas/domain/xen/1.0';

const MAX_SHARES = 65_535;
/** Most devices, which are compared with each other; real guests have fewer. */
const MAX_DEVICES = 1024;
/** The most vcpus that any guest may have (`MAX_VCPUS`). */
const MAX_PINS = 512;
/** Most arguments of a device model. */
const MAX_ARGS = 1024;

/** How strictly a definition is read. */
export interface ReadOptions {
  /** For a peer's or a stored definition: content that is not understood is kept with a warning (S06). */
  readonly lenient?: boolean;
  /**
   * For a user's definition: elements and attributes that are unknown are kept with a warning; an invalid value is an
   * error.
   */
  readonly carryUnknown?: boolean;
}

/** A definition, and warnings about it. */
export interface ReadResult {
  readonly definition: Definition;
  /** Ignored content, as sentences with paths. */
  readonly warnings: readonly string[];
}

/**
 * Reads all settings that Xen supports. Content without a field is an error that names
 * its path, or a warning if `lenient` is set. Defaults are not set here: see `applyDefaults`.
 * @throws UsageError `E_USAGE_DOMAIN_XML`
 */
export function readDefinition(domain: Domain, options: ReadOptions = {}): ReadResult {
  const lenient = options.lenient ?? false;
  const reading: Reading = { lenient, carryUnknown: lenient || options.carryUnknown === true, warnings: [] };
  const { rest, ...basics } = domain;
  const definition = readElement(element('domain', {}, rest), '/domain', reading, (reader): Definition => {
    const tune = readTune(reader, basics.vcpusMax);
    const numaTune = readNumaTune(reader);
    const power = readPower(reader);
    const devices = readDevices(reader, reading);
    const labels = passedOver(reader, 'seclabel', 'security labels are kept and not applied');
    return {
      ...basics,
      title: reader.textChild('title'),
      description: reader.textChild('description'),
      genid: reader.child('genid', (genid) => genid.text()),
      os: readOs(reader),
      pins: tune?.pins ?? [],
      cpuShares: tune?.shares,
      features: readFeatures(reader),
      cpu: withNodes(readCpu(reader), numaTune),
      clock: readClock(reader),
      lifecycle: {
        onPoweroff: reader.child('on_poweroff', (one) => one.textChoice(LIFECYCLE_ACTIONS)),
        onReboot: reader.child('on_reboot', (one) => one.textChoice(LIFECYCLE_ACTIONS)),
        onCrash: reader.child('on_crash', (one) => one.textChoice(CRASH_ACTIONS)),
      },
      ...(power === undefined ? {} : { power }),
      ...(numaTune === undefined || numaTune.rest.length === 0 ? {} : { numaTuneRest: numaTune.rest }),
      emulator: devices.emulator,
      devices: devices.list,
      deviceModelArgs: readArgs(reader),
      foreign: [...labels, ...reader.leftovers()],
    };
  });
  return { definition, warnings: reading.warnings };
}

/**
 * Parses the XML of one device, as for hotplug: unknown content is kept.
 * @param warnings receives a sentence with a path for each of these, and for settings without effect under Xen
 * @throws UsageError `E_USAGE_DOMAIN_XML`; XmlError
 */
export function parseDeviceXml(text: string, warnings: string[] = []): Device {
  const root = parseXml(text);
  const device = readDevice(root, `/${root.name}`, { lenient: false, carryUnknown: true, warnings });
  if (device.kind === 'opaque' && device.passedOver) throw badXml(`/${root.name}`, device.why, root);
  warnings.push(...deviceNotes(device, `/${root.name}`));
  return device;
}

function readTune(domain: ElementReader, vcpus: number): { pins: VcpuPin[]; shares: number | undefined } | undefined {
  return domain.child('cputune', (tune) => ({
    pins: readPins(tune, vcpus),
    shares: tune.child('shares', (shares) => {
      const text = shares.text();
      const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
      if (value < 1 || value > MAX_SHARES) throw shares.bad('', `is not a number from 1 to ${MAX_SHARES}`);
      return value;
    }),
  }));
}

/** A lenient reading keeps one pin for each existing vcpu; after a strict one `validateDefinition` reports errors. */
function readPins(tune: ElementReader, vcpus: number): VcpuPin[] {
  const pins = tune.children('vcpupin', MAX_PINS, (pin): VcpuPin => {
    const cpus = parseCpuSet(pin.need('cpuset'));
    if (cpus === undefined) throw pin.bad('@cpuset', 'is not a set of processors');
    return { vcpu: pin.needInteger('vcpu', 0, 4095), cpus };
  });
  if (!tune.reading.lenient) return pins;
  const seen = new Set<number>();
  return pins.filter(({ vcpu }) => {
    const isKept = vcpu < vcpus && !seen.has(vcpu);
    seen.add(vcpu);
    if (!isKept) tune.warn(`a pin of vcpu ${vcpu} is left out: there is no such vcpu, or it has a pin already`);
    return isKept;
  });
}

function readDevices(
  domain: ElementReader,
  reading: Reading,
): { readonly emulator: string | undefined; readonly list: readonly Device[] } {
  const devices = domain.child('devices', (reader) => {
    const emulator = reader.textChild('emulator');
    const elements = deviceElements(reader.element).filter(({ name }) => name !== 'emulator');
    if (elements.length > MAX_DEVICES) throw reader.bad('', `has more than ${MAX_DEVICES} devices`);
    const paths = devicePaths(elements);
    reader.skip(...elements.map(({ name }) => name));
    return { emulator, list: elements.map((one, index) => readDevice(one, paths[index], reading)) };
  });
  return devices ?? { emulator: undefined, list: [] };
}

/** Elements that are kept unread, with a warning. */
function passedOver(domain: ElementReader, name: string, why: string): XmlElement[] {
  const found = domain.element.children.filter(
    (child): child is XmlElement => typeof child !== 'string' && child.name === name,
  );
  domain.skip(name);
  if (found.length > 0) domain.warn(why, name);
  return found;
}

/** `<xen:commandline>`, whatever its prefix is. */
function readArgs(domain: ElementReader): string[] {
  for (const child of domain.element.children) {
    if (typeof child === 'string') continue;
    const [prefix, local] = child.name.split(':');
    if (local !== 'commandline' || child.attributes.get(`xmlns:${prefix}`) !== XEN_NS) continue;
    const args = domain.child(child.name, (reader) =>
      reader.children(`${prefix}:arg`, MAX_ARGS, (arg) => {
        const value = arg.attribute('value');
        if (value === undefined) throw badXml(arg.path, 'has no value', arg.element);
        return value;
      }),
    );
    return args ?? [];
  }
  return [];
}
