import { withoutTrailingNuls } from '../../buffers/trailing-nuls.js';
import { allocate, free, textAt, viewOf } from './c-memory.js';
import { onThread, type Library } from './foreign.js';

import type { Address, LibxlNative, StructName } from './native.js';
import { RC_OK } from './return-code.js';

/** libxl_vminfo: a UUID of 16 bytes, then a 32-bit domid (libxl_types.idl). */
const VMINFO_BYTES = 20;
const VMINFO_DOMID_AT = 16;
/** Far more domains than Xen can have: domids have 15 bits. */
const MOST_DOMAINS = 65536;
/** libxl's userdata of a domain is its configuration; domain XML is limited to 1 MiB. */
const MOST_USERDATA_BYTES = 16 * 1024 * 1024;
const POINTER_BYTES = 8;

type Calls = Pick<
  LibxlNative,
  | 'allocate'
  | 'free'
  | 'readUint32'
  | 'init'
  | 'dispose'
  | 'toJson'
  | 'fromJson'
  | 'listDomids'
  | 'domainInfo'
  | 'domainName'
  | 'physinfo'
  | 'versionInfo'
  | 'userdata'
  | 'keepUserdata'
  | 'retrieveConfig'
  | 'rename'
  | 'preserve'
>;

/** Structures that are results only. */
const GIVEN_ONLY: ReadonlySet<StructName> = new Set(['dominfo', 'physinfo']);

interface StructCalls {
  readonly init: (at: Address) => void;
  readonly dispose: (at: Address) => void;
  readonly toJson: (ctx: Address, at: Address) => string | null;
  /** Present for structures that are arguments. */
  readonly fromJson: ((ctx: Address, at: Address, text: string) => number) | undefined;
}

/** Calls that return at once, and structures (libxl.h, _libxl_types.h). `str!` is freed by koffi once copied. */
export function bindCalls(libxl: Library, ctx: Address): Calls {
  const struct = (name: StructName, isTaken: boolean): StructCalls => ({
    init: libxl.func(`void libxl_${name}_init(void *at)`) as (...args: [Address]) => void,
    dispose: libxl.func(`void libxl_${name}_dispose(void *at)`) as (...args: [Address]) => void,
    toJson: libxl.func(`str! libxl_${name}_to_json(void *ctx, void *at)`) as (
      ...args: [Address, Address]
    ) => string | null,
    fromJson: isTaken
      ? (libxl.func(`int libxl_${name}_from_json(void *ctx, void *at, str text)`) as (
          ...args: [Address, Address, string]
        ) => number)
      : undefined,
  });
  const structs = new Map<StructName, StructCalls>();
  // Bound when it is first used: most processes need only one or two.
  const structOf = (name: StructName): StructCalls => {
    const known = structs.get(name);
    if (known !== undefined) return known;
    const bound = struct(name, !GIVEN_ONLY.has(name));
    structs.set(name, bound);
    return bound;
  };
  const listVm = libxl.func('void *libxl_list_vm(void *ctx, _Out_ int *count)') as (
    ...args: [Address, [number]]
  ) => Address | null;
  const freeVmList = libxl.func('void libxl_vminfo_list_free(void *list, int count)') as (
    ...args: [Address, number]
  ) => void;
  const domainInfo = libxl.func('int libxl_domain_info(void *ctx, void *info, uint32_t domid)') as (
    ...args: [Address, Address, number]
  ) => number;
  const domainName = libxl.func('str! libxl_domid_to_name(void *ctx, uint32_t domid)') as (
    ...args: [Address, number]
  ) => string | null;
  const getPhysinfo = libxl.func('int libxl_get_physinfo(void *ctx, void *physinfo)') as (
    ...args: [Address, Address]
  ) => number;
  const getVersionInfo = libxl.func('void *libxl_get_version_info(void *ctx)') as (
    ...args: [Address]
  ) => Address | null;
  const versionToJson = libxl.func('str! libxl_version_info_to_json(void *ctx, void *at)') as (
    ...args: [Address, Address]
  ) => string | null;
  const retrieveUserdata = libxl.func(
    'int libxl_userdata_retrieve(void *ctx, uint32_t domid, str id, void *data, _Out_ int *length)',
  ) as (...args: [Address, number, string, Address, [number]]) => number;
  const storeUserdata = libxl.func(
    'int libxl_userdata_store(void *ctx, uint32_t domid, str id, const uint8_t *data, int length)',
  ) as (...args: [Address, number, string, Uint8Array, number]) => number;
  const retrieveConfig = onThread(
    libxl.func('int libxl_retrieve_domain_configuration(void *ctx, uint32_t domid, void *config, void *how)'),
  ) as (...args: [Address, number, Address, null]) => Promise<number>;
  // A libxl_uuid (16 bytes, by value) travels as two words on x86-64 and arm64; libxl_domain_create_info is
  // what a libxl_domain_config begins with.
  const preserve = onThread(
    libxl.func(
      'int libxl_domain_preserve(void *ctx, uint32_t domid, void *info, str name_suffix, uint64_t uuid_first, uint64_t uuid_last)',
    ),
  ) as (...args: [Address, number, Address, string, bigint, bigint]) => Promise<number>;
  const rename = onThread(
    libxl.func('int libxl_domain_rename(void *ctx, uint32_t domid, str old_name, str new_name)'),
  ) as (...args: [Address, number, null, string]) => Promise<number>;

  return {
    allocate,
    free,
    readUint32: (at) => viewOf(at, 4).getUint32(0, true),
    init: (name, at) => structOf(name).init(at),
    dispose: (name, at) => structOf(name).dispose(at),
    toJson: (name, at) => structOf(name).toJson(ctx, at) ?? undefined,
    fromJson: (name, at, text) => structOf(name).fromJson?.(ctx, at, text) ?? RC_OK,
    listDomids: () => {
      const count: [number] = [0];
      const list = listVm(ctx, count);
      if (list === null) return undefined;
      try {
        if (count[0] > MOST_DOMAINS) return undefined;
        const view = viewOf(list, Math.max(1, count[0]) * VMINFO_BYTES);
        return Array.from({ length: count[0] }, (_, at) => view.getUint32(at * VMINFO_BYTES + VMINFO_DOMID_AT, true));
      } finally {
        freeVmList(list, count[0]);
      }
    },
    domainInfo: (dominfo, domid) => domainInfo(ctx, dominfo, domid),
    domainName: (domid) => domainName(ctx, domid) ?? undefined,
    physinfo: (physinfo) => getPhysinfo(ctx, physinfo),
    versionInfo: () => {
      const info = getVersionInfo(ctx); // libxl's own, for the life of the context
      return info === null ? undefined : (versionToJson(ctx, info) ?? undefined);
    },
    userdata: (domid, id) => {
      const out = allocate(POINTER_BYTES);
      try {
        const length: [number] = [0];
        const rc = retrieveUserdata(ctx, domid, id, out, length);
        const data = viewOf(out, POINTER_BYTES).getBigUint64(0, true);
        if (rc !== RC_OK || data === 0n) return undefined;
        try {
          if (length[0] > MOST_USERDATA_BYTES) return undefined;
          return withoutTrailingNuls(textAt(data, length[0])); // libxl keeps JSON with its trailing NUL
        } finally {
          free(data);
        }
      } finally {
        free(out);
      }
    },
    keepUserdata: (domid, id, text) => {
      const data = Buffer.from(text, 'utf8');
      return storeUserdata(ctx, domid, id, data, data.length);
    },
    retrieveConfig: (domid, config) => retrieveConfig(ctx, domid, config, null),
    rename: (domid, name) => rename(ctx, domid, null, name),
    preserve: (domid, config, suffix, uuid) => {
      const words = new DataView(uuid.buffer, uuid.byteOffset, 16);
      return preserve(ctx, domid, config, suffix, words.getBigUint64(0, true), words.getBigUint64(8, true));
    },
  };
}
