import {
  array,
  chars,
  double,
  fixedOpaque,
  hyper,
  int,
  opaque,
  optional,
  string,
  struct,
  uhyper,
  uint,
} from './xdr.js';
import type { Xdr, XdrReader, XdrValue, XdrWriter } from './xdr.js';
import { ProtocolError } from '../../errors/errors.js';

/*
 * The structures of libvirt's protocol that several procedures share, with its own bounds (src/remote/remote_protocol.x of libvirt,
 * read in releases 9.0 and 11.3).
 */

export const text = string(4_194_304);
export const maybeText = optional(text);
export const flags = uint;

export const MOST_DOMAINS = 16_384;
const MOST_CPUMAP_BYTES = 2048;
const MOST_CPUMAPS_BYTES = 8_388_608;
const MOST_COOKIE_BYTES = 4_194_304;

export const uuidBytes = fixedOpaque(16);
export const cpumap = opaque(MOST_CPUMAP_BYTES);
export const cpumaps = opaque(MOST_CPUMAPS_BYTES);
export const cookie = opaque(MOST_COOKIE_BYTES);

/** A domain as messages name it. Its id is -1 where it does not run. */
export const domain = struct({ name: text, uuid: uuidBytes, id: int });
export type WireDomain = XdrValue<typeof domain>;

const network = struct({ name: text, uuid: uuidBytes });
export const storagePool = struct({ name: text, uuid: uuidBytes });
export const nodeDevice = struct({ name: text });
export const nwfilter = struct({ name: text, uuid: uuidBytes });
export { network };

/** What the kinds of typed parameters are called here, by their number (virTypedParameterType). */
const KINDS = ['int', 'uint', 'llong', 'ullong', 'double', 'boolean', 'string'] as const;
type ParamKind = (typeof KINDS)[number];

/** A value with the type that it has on the wire. */
export type ParamValue =
  | { readonly kind: 'int' | 'uint' | 'double'; readonly value: number }
  | { readonly kind: 'llong' | 'ullong'; readonly value: bigint }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string };

export type TypedParam = ParamValue & { readonly field: string };

const numbers = { int, uint, double };
const longs = { llong: hyper, ullong: uhyper };

function readValue(kind: ParamKind, reader: XdrReader): ParamValue {
  switch (kind) {
    case 'int':
    case 'uint':
    case 'double':
      return { kind, value: numbers[kind].read(reader) };
    case 'llong':
    case 'ullong':
      return { kind, value: longs[kind].read(reader) };
    case 'boolean':
      return { kind, value: int.read(reader) !== 0 };
    case 'string':
      return { kind, value: text.read(reader) };
  }
}

function writeValue(param: ParamValue, writer: XdrWriter): void {
  switch (param.kind) {
    case 'int':
    case 'uint':
    case 'double':
      numbers[param.kind].write(writer, param.value);
      return;
    case 'llong':
    case 'ullong':
      longs[param.kind].write(writer, param.value);
      return;
    case 'boolean':
      int.write(writer, param.value ? 1 : 0);
      return;
    case 'string':
      text.write(writer, param.value);
  }
}

/** A named value of one of seven types. */
export const typedParam: Xdr<TypedParam> = {
  shape: 'typed_param',
  leastBytes: 12,
  read: (reader) => {
    const field = text.read(reader);
    const number = int.read(reader);
    const kind = number > 0 ? KINDS.at(number - 1) : undefined;
    if (kind === undefined) {
      throw new ProtocolError('E_PROTOCOL_XDR', `message of libvirt's protocol: a parameter of type ${number}`);
    }
    return { field, ...readValue(kind, reader) };
  },
  write: (writer, param) => {
    text.write(writer, param.field);
    int.write(writer, KINDS.indexOf(param.kind) + 1);
    writeValue(param, writer);
  },
};

export const typedParams = (most: number): Xdr<TypedParam[]> => array(typedParam, most);

/** Parameters of a migration. */
export const migrateParams = typedParams(64);
export const jobStats = typedParams(64);
export const schedulerParams = typedParams(16);

export const vcpuInfo = struct({ number: uint, state: int, cpuTime: uhyper, cpu: int });
export const memoryStat = struct({ tag: int, value: uhyper });
export const domainStats = struct({ dom: domain, params: typedParams(262_144) });

export const ipAddress = struct({ type: int, addr: text, prefix: uint });
export const domainInterface = struct({ name: text, hwaddr: optional(text), addrs: array(ipAddress, 2048) });

export const securityLabel = chars(4097);
export const securityModel = chars(257);

/** The payload of a message whose status is an error. */
export const remoteError = struct({
  code: int,
  domain: int,
  message: maybeText,
  level: int,
  dom: optional(domain),
  str1: maybeText,
  str2: maybeText,
  str3: maybeText,
  int1: int,
  int2: int,
  net: optional(network),
});
