import { element, type XmlElement } from '../../../xml/element.js';
import type { ElementReader } from '../element-reader.js';

/** A host and a service (port) of the network, as written. */
export interface Endpoint {
  readonly host: string | undefined;
  readonly service: string | undefined;
}

/** The other end of a console, port or channel (S38). */
export type CharacterSource =
  | { readonly type: 'null' | 'stdio' | 'vc' }
  /** The path is the host's to choose; known while the domain runs. */
  | { readonly type: 'pty'; readonly path: string | undefined }
  | { readonly type: 'file' | 'pipe' | 'dev'; readonly path: string }
  | { readonly type: 'unix'; readonly mode: 'bind' | 'connect'; readonly path: string | undefined }
  | { readonly type: 'tcp'; readonly mode: 'bind' | 'connect'; readonly telnet: boolean; readonly at: Endpoint }
  | { readonly type: 'udp'; readonly bind: Endpoint | undefined; readonly connect: Endpoint | undefined };

/** `<console>`. */
export interface Console {
  readonly kind: 'console';
  readonly source: CharacterSource;
  /** `xen`: the paravirtual console; `serial`: the first serial port under another name (S16). */
  readonly target: 'xen' | 'serial' | undefined;
  readonly port: number | undefined;
}

/** `<serial>`. */
export interface Serial {
  readonly kind: 'serial';
  readonly source: CharacterSource;
  readonly port: number | undefined;
}

/** `<parallel>`. */
export interface Parallel {
  readonly kind: 'parallel';
  readonly source: CharacterSource;
  readonly port: number | undefined;
}

/** `<channel>`. */
export interface Channel {
  readonly kind: 'channel';
  readonly source: CharacterSource;
  readonly targetType: string;
  /** The name by which the guest finds it. */
  readonly name: string | undefined;
}

const SOURCE_TYPES = ['null', 'stdio', 'vc', 'pty', 'file', 'pipe', 'dev', 'unix', 'tcp', 'udp'] as const;
const MAX_PORT = 65_535;

interface RawSource {
  readonly mode: 'bind' | 'connect' | undefined;
  readonly path: string | undefined;
  readonly at: Endpoint;
}

function readRaw(reader: ElementReader): RawSource {
  return {
    mode: reader.choice('mode', ['bind', 'connect']),
    path: reader.attribute('path'),
    at: { host: reader.attribute('host'), service: reader.attribute('service') },
  };
}

function readSource(device: ElementReader): CharacterSource {
  // libvirt's default; old documents have a console with only its terminal.
  const type = device.choice('type', SOURCE_TYPES) ?? 'pty';
  const all = device.children('source', 2, readRaw);
  const protocol = device.child('protocol', (one) => one.choice('type', ['raw', 'telnet']));
  // A running domain's console repeats its terminal.
  device.skip('tty');
  if (all.length > (type === 'udp' ? 2 : 1)) throw device.bad('source', 'occurs too often');
  const source = all.at(0);
  switch (type) {
    case 'null':
    case 'stdio':
    case 'vc':
      return { type };
    case 'pty':
      return { type, path: source?.path };
    case 'file':
    case 'pipe':
    case 'dev':
      if (!source?.path) throw device.bad('source/@path', 'is missing');
      return { type, path: source.path };
    case 'unix':
      return { type, mode: source?.mode ?? 'bind', path: source?.path };
    case 'tcp':
      if (!source?.at.service) throw device.bad('source/@service', 'is missing');
      return { type, mode: source.mode ?? 'connect', telnet: protocol === 'telnet', at: source.at };
    case 'udp':
      return {
        type,
        bind: all.find(({ mode }) => mode === 'bind')?.at,
        connect: all.find(({ mode }) => mode !== 'bind')?.at,
      };
  }
}

function sourceElements(source: CharacterSource): XmlElement[] {
  switch (source.type) {
    case 'null':
    case 'stdio':
    case 'vc':
      return [];
    case 'pty':
      return source.path === undefined ? [] : [element('source', { path: source.path })];
    case 'file':
    case 'pipe':
    case 'dev':
      return [element('source', { path: source.path })];
    case 'unix':
      return [element('source', { mode: source.mode, path: source.path })];
    case 'tcp':
      return [
        element('source', { mode: source.mode, ...source.at }),
        element('protocol', { type: source.telnet ? 'telnet' : 'raw' }),
      ];
    case 'udp':
      return [
        ...(source.bind === undefined ? [] : [element('source', { mode: 'bind', ...source.bind })]),
        ...(source.connect === undefined ? [] : [element('source', { mode: 'connect', ...source.connect })]),
      ];
  }
}

function readPort(device: ElementReader): number | undefined {
  return device.child('target', (target) => {
    // Xen has one kind of port.
    target.choice('type', ['isa-serial', 'serial']);
    target.child('model', (model) => model.needChoice('name', ['isa-serial']));
    return target.integer('port', 0, MAX_PORT);
  });
}

/** Reads a `<console>`. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readConsole(device: ElementReader): Console {
  const target = device.child('target', (one) => ({
    type: one.choice('type', ['xen', 'serial']),
    port: one.integer('port', 0, MAX_PORT),
  }));
  return { kind: 'console', source: readSource(device), target: target?.type, port: target?.port };
}

/** Reads a `<serial>`. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readSerial(device: ElementReader): Serial {
  return { kind: 'serial', source: readSource(device), port: readPort(device) };
}

/** Reads a `<parallel>`. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readParallel(device: ElementReader): Parallel {
  return { kind: 'parallel', source: readSource(device), port: readPort(device) };
}

/** Reads a `<channel>`. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readChannel(device: ElementReader): Channel {
  const target = device.child('target', (one) => {
    one.skip('state');
    return { type: one.need('type'), name: one.attribute('name') };
  });
  if (target === undefined) throw device.bad('target', 'is missing');
  return { kind: 'channel', source: readSource(device), targetType: target.type, name: target.name };
}

/** The console, port or channel as an element. */
export function writeCharacter(device: Console | Serial | Parallel | Channel): XmlElement {
  return element(device.kind, { type: device.source.type }, [...sourceElements(device.source), ...targetOf(device)]);
}

function targetOf(device: Console | Serial | Parallel | Channel): XmlElement[] {
  const attributes =
    device.kind === 'channel'
      ? { type: device.targetType, name: device.name }
      : { type: device.kind === 'console' ? device.target : undefined, port: device.port };
  const target = element('target', attributes);
  return target.attributes.size === 0 ? [] : [target];
}
