import {
  array,
  charArray,
  hyper,
  int,
  nothing,
  optional,
  struct,
  uhyper,
  uint,
  type Xdr,
  type XdrValue,
} from './xdr.js';
import {
  MOST_DOMAINS,
  cookie,
  cpumap,
  cpumaps,
  domain,
  domainInterface,
  domainStats,
  flags,
  jobStats,
  maybeText,
  memoryStat,
  migrateParams,
  network,
  nodeDevice,
  nwfilter,
  schedulerParams,
  securityLabel,
  securityModel,
  storagePool,
  text,
  typedParams,
  uuidBytes,
  vcpuInfo,
} from './types.js';

/**
 * Who may call: `open` everybody, also before the connection is opened; `read` also over a read-only socket; `write` changes
 * something; `migrate` is part of a migration. What a peer that may only migrate may call is the `open` and `migrate` ones and those
 * marked `peer`.
 */
export type Access = 'open' | 'read' | 'write' | 'migrate';

/** One procedure of libvirt's remote program. */
export interface Procedure<A, R> {
  readonly number: number;
  readonly args: Xdr<A>;
  readonly result: Xdr<R>;
  readonly access: Access;
  /** A read call that a peer needs while it migrates. */
  readonly peer: boolean;
  /** The call is followed by a stream of the same number and serial. */
  readonly stream: boolean;
}

interface Marks {
  readonly peer?: true;
  readonly stream?: true;
}

function call<A, R>(access: Access, number: number, args: Xdr<A>, result: Xdr<R>, marks: Marks = {}): Procedure<A, R> {
  return { number, args, result, access, peer: marks.peer ?? false, stream: marks.stream ?? false };
}

const one = struct({ dom: domain });
const oneWithFlags = struct({ dom: domain, flags });
const oneResult = struct({ dom: domain });
const withXml = struct({ dom: domain, xml: text });
const withXmlAndFlags = struct({ dom: domain, xml: text, flags });
const xml = struct({ xml: text });
const num = struct({ num: int });
const names = struct({ names: array(text, MOST_DOMAINS) });
const manyDevices = struct({ names: array(text, 65_536) });
const listAll = struct({ needResults: int, flags });
const listOf = <T>(type: Xdr<T>, most = MOST_DOMAINS) => struct({ items: array(type, most), ret: uint });
const cookieOut = struct({ cookieOut: cookie });
const params = struct({ params: schedulerParams });
const registered = struct({ registered: int });
const registerFor = <T>(type: Xdr<T>) => struct({ eventId: int, of: optional(type) });
const callbackId = struct({ callbackId: int });

/**
 * The procedures of libvirt's remote program that this host knows: number, arguments, result, as its `remote_protocol.x` has them
 * (`scripts/libvirt-protocol` compares). A call of any other number is answered as libvirtd answers one that it does not know.
 */
export const PROCEDURES = {
  authList: call('open', 66, nothing, struct({ types: array(int, 20) })),
  connectOpen: call('open', 1, struct({ name: maybeText, flags }), nothing),
  connectClose: call('open', 2, nothing, nothing),
  supportsFeature: call('open', 60, struct({ feature: int }), struct({ supported: int })),

  getType: call('read', 3, nothing, struct({ type: text }), { peer: true }),
  getVersion: call('read', 4, nothing, struct({ version: uhyper }), { peer: true }),
  getLibVersion: call('read', 157, nothing, struct({ version: uhyper }), { peer: true }),
  getHostname: call('read', 59, nothing, struct({ hostname: text }), { peer: true }),
  getUri: call('read', 110, nothing, struct({ uri: text }), { peer: true }),
  isSecure: call('read', 149, nothing, struct({ secure: int }), { peer: true }),
  getMaxVcpus: call('read', 5, struct({ type: maybeText }), struct({ max: int })),
  registerCloseCallback: call('read', 360, nothing, nothing, { peer: true }),
  unregisterCloseCallback: call('read', 361, nothing, nothing, { peer: true }),

  getCapabilities: call('read', 7, nothing, struct({ capabilities: text })),
  getDomainCapabilities: call(
    'read',
    342,
    struct({ emulator: maybeText, arch: maybeText, machine: maybeText, virtType: maybeText, flags }),
    struct({ capabilities: text }),
  ),
  nodeGetInfo: call(
    'read',
    6,
    nothing,
    struct({
      model: charArray(32),
      memory: uhyper,
      cpus: int,
      mhz: int,
      nodes: int,
      sockets: int,
      cores: int,
      threads: int,
    }),
  ),
  nodeGetFreeMemory: call('read', 102, nothing, struct({ free: uhyper })),
  nodeGetCellsFreeMemory: call(
    'read',
    101,
    struct({ startCell: int, maxCells: int }),
    struct({ cells: array(uhyper, 1024) }),
  ),
  nodeGetCpuMap: call(
    'read',
    293,
    struct({ needMap: int, needOnline: int, flags }),
    struct({ map: cpumap, online: uint, ret: int }),
  ),
  getSysinfo: call('read', 203, struct({ flags }), struct({ sysinfo: text })),
  nodeGetSecurityModel: call('read', 122, nothing, struct({ model: securityModel, doi: securityModel })),
  compareCpu: call('read', 158, struct({ xml: text, flags }), struct({ result: int })),
  baselineCpu: call('read', 162, struct({ xmlCpus: array(text, 256), flags }), struct({ cpu: text })),

  listAllDomains: call('read', 273, listAll, listOf(domain)),
  numOfDomains: call('read', 51, nothing, num),
  listDomains: call('read', 37, struct({ max: int }), struct({ ids: array(int, MOST_DOMAINS) })),
  numOfDefinedDomains: call('read', 25, nothing, num),
  listDefinedDomains: call('read', 21, struct({ max: int }), names),
  lookupById: call('read', 22, struct({ id: int }), oneResult, { peer: true }),
  lookupByName: call('read', 23, struct({ name: text }), oneResult, { peer: true }),
  lookupByUuid: call('read', 24, struct({ uuid: uuidBytes }), oneResult, { peer: true }),
  listAllStoragePools: call('read', 281, listAll, listOf(storagePool)),
  listAllNetworks: call('read', 283, listAll, listOf(network)),
  listAllNodeDevices: call('read', 285, listAll, listOf(nodeDevice, 65_536)),
  listAllNwfilters: call('read', 286, listAll, listOf(nwfilter)),
  numOfNetworks: call('read', 52, nothing, num),
  listNetworks: call('read', 38, struct({ max: int }), names),
  nodeNumOfDevices: call('read', 111, struct({ cap: maybeText, flags }), num),
  nodeListDevices: call('read', 112, struct({ cap: maybeText, max: int, flags }), manyDevices),

  domainGetInfo: call(
    'read',
    16,
    one,
    struct({ state: uint, maxMem: uhyper, memory: uhyper, vcpus: uint, cpuTime: uhyper }),
  ),
  domainGetState: call('read', 212, oneWithFlags, struct({ state: int, reason: int }), { peer: true }),
  domainGetControlInfo: call('read', 229, oneWithFlags, struct({ state: uint, details: uint, stateTime: uhyper })),
  domainGetOsType: call('read', 19, one, struct({ type: text })),
  domainIsActive: call('read', 150, one, struct({ active: int })),
  domainIsPersistent: call('read', 151, one, struct({ persistent: int })),
  domainIsUpdated: call('read', 202, one, struct({ updated: int })),
  domainGetMaxMemory: call('read', 17, one, struct({ memory: uhyper })),
  domainGetMaxVcpus: call('read', 18, one, num),
  domainGetSecurityLabel: call('read', 121, one, struct({ label: securityLabel, enforcing: int })),
  domainGetMessages: call('read', 426, oneWithFlags, struct({ messages: array(text, 2048) })),
  domainGetXmlDesc: call('read', 14, oneWithFlags, xml),
  domainXmlFromNative: call('write', 135, struct({ format: text, config: text, flags }), xml),
  domainXmlToNative: call('write', 136, struct({ format: text, xml: text, flags }), struct({ config: text })),

  domainDefineXml: call('write', 11, xml, oneResult),
  domainDefineXmlFlags: call('write', 350, struct({ xml: text, flags }), oneResult),
  domainCreateXml: call('write', 10, struct({ xml: text, flags }), oneResult),
  domainCreate: call('write', 9, one, nothing),
  domainCreateWithFlags: call('write', 196, oneWithFlags, oneResult),
  domainUndefine: call('write', 35, one, nothing),
  domainUndefineFlags: call('write', 231, oneWithFlags, nothing),
  domainGetAutostart: call('read', 15, one, struct({ autostart: int })),
  domainSetAutostart: call('write', 29, struct({ dom: domain, autostart: int }), nothing),
  domainRename: call('write', 358, struct({ dom: domain, newName: maybeText, flags }), struct({ retcode: int })),

  domainShutdown: call('write', 33, one, nothing),
  domainShutdownFlags: call('write', 258, oneWithFlags, nothing),
  domainReboot: call('write', 27, oneWithFlags, nothing),
  domainDestroy: call('write', 12, one, nothing),
  domainDestroyFlags: call('write', 234, oneWithFlags, nothing),
  domainSuspend: call('write', 34, one, nothing),
  domainResume: call('write', 28, one, nothing),
  domainReset: call('write', 245, oneWithFlags, nothing),

  domainPmSuspendForDuration: call(
    'write',
    261,
    struct({ dom: domain, target: uint, duration: uhyper, flags }),
    nothing,
  ),
  domainPmWakeup: call('write', 267, oneWithFlags, nothing),

  domainSave: call('write', 55, struct({ dom: domain, to: text }), nothing),
  domainSaveFlags: call('write', 232, struct({ dom: domain, to: text, xml: maybeText, flags }), nothing),
  domainRestore: call('write', 54, struct({ from: text }), nothing),
  domainRestoreFlags: call('write', 233, struct({ from: text, xml: maybeText, flags }), nothing),
  domainManagedSave: call('write', 182, oneWithFlags, nothing),
  domainHasManagedSave: call('read', 183, oneWithFlags, struct({ result: int })),
  domainManagedSaveRemove: call('write', 184, oneWithFlags, nothing),
  domainCoreDump: call('write', 53, struct({ dom: domain, to: text, flags }), nothing),

  domainSetMemory: call('write', 31, struct({ dom: domain, memory: uhyper }), nothing),
  domainSetMemoryFlags: call('write', 204, struct({ dom: domain, memory: uhyper, flags }), nothing),
  domainSetMaxMemory: call('write', 30, struct({ dom: domain, memory: uhyper }), nothing),
  domainSetVcpus: call('write', 32, struct({ dom: domain, vcpus: uint }), nothing),
  domainSetVcpusFlags: call('write', 199, struct({ dom: domain, vcpus: uint, flags }), nothing),
  domainGetVcpusFlags: call('read', 200, oneWithFlags, num),
  domainGetVcpus: call(
    'read',
    20,
    struct({ dom: domain, maxInfo: int, mapLength: int }),
    struct({ info: array(vcpuInfo, 16_384), maps: cpumaps }),
  ),
  domainGetVcpuPinInfo: call(
    'read',
    230,
    struct({ dom: domain, maps: int, mapLength: int, flags }),
    struct({ maps: cpumaps, num: int }),
  ),
  domainPinVcpu: call('write', 26, struct({ dom: domain, vcpu: uint, map: cpumap }), nothing),
  domainPinVcpuFlags: call('write', 225, struct({ dom: domain, vcpu: uint, map: cpumap, flags }), nothing),

  domainAttachDevice: call('write', 8, withXml, nothing),
  domainAttachDeviceFlags: call('write', 160, withXmlAndFlags, nothing),
  domainDetachDevice: call('write', 13, withXml, nothing),
  domainDetachDeviceFlags: call('write', 161, withXmlAndFlags, nothing),
  domainUpdateDeviceFlags: call('write', 174, withXmlAndFlags, nothing),

  domainBlockStats: call(
    'read',
    64,
    struct({ dom: domain, path: text }),
    struct({ readRequests: hyper, readBytes: hyper, writeRequests: hyper, writeBytes: hyper, errors: hyper }),
  ),
  domainBlockStatsFlags: call(
    'read',
    243,
    struct({ dom: domain, path: text, nparams: int, flags }),
    struct({ params: typedParams(16), nparams: int }),
  ),
  domainInterfaceStats: call(
    'read',
    65,
    struct({ dom: domain, device: text }),
    struct({
      rxBytes: hyper,
      rxPackets: hyper,
      rxErrors: hyper,
      rxDropped: hyper,
      txBytes: hyper,
      txPackets: hyper,
      txErrors: hyper,
      txDropped: hyper,
    }),
  ),
  domainMemoryStats: call(
    'read',
    159,
    struct({ dom: domain, max: uint, flags }),
    struct({ stats: array(memoryStat, 1024) }),
  ),
  domainGetCpuStats: call(
    'read',
    262,
    struct({ dom: domain, nparams: uint, startCpu: int, cpus: uint, flags }),
    struct({ params: typedParams(2048), nparams: int }),
  ),
  getAllDomainStats: call(
    'read',
    344,
    struct({ doms: array(domain, MOST_DOMAINS), stats: uint, flags }),
    struct({ records: array(domainStats, MOST_DOMAINS) }),
  ),
  domainInterfaceAddresses: call(
    'read',
    353,
    struct({ dom: domain, source: uint, flags }),
    struct({ interfaces: array(domainInterface, 2048) }),
  ),

  domainGetSchedulerType: call('read', 56, one, struct({ type: text, nparams: int })),
  domainGetSchedulerParameters: call('read', 57, struct({ dom: domain, nparams: int }), params),
  domainGetSchedulerParametersFlags: call('read', 223, struct({ dom: domain, nparams: int, flags }), params),
  domainSetSchedulerParameters: call('write', 58, struct({ dom: domain, params: schedulerParams }), nothing),
  domainSetSchedulerParametersFlags: call(
    'write',
    219,
    struct({ dom: domain, params: schedulerParams, flags }),
    nothing,
  ),

  domainGetJobInfo: call(
    'read',
    163,
    one,
    struct({
      type: int,
      timeElapsed: uhyper,
      timeRemaining: uhyper,
      dataTotal: uhyper,
      dataProcessed: uhyper,
      dataRemaining: uhyper,
      memTotal: uhyper,
      memProcessed: uhyper,
      memRemaining: uhyper,
      fileTotal: uhyper,
      fileProcessed: uhyper,
      fileRemaining: uhyper,
    }),
  ),
  domainGetJobStats: call('read', 298, oneWithFlags, struct({ type: int, params: jobStats })),
  domainAbortJob: call('write', 164, one, nothing),
  domainAbortJobFlags: call('write', 442, oneWithFlags, nothing),

  domainGetMetadata: call(
    'read',
    265,
    struct({ dom: domain, type: int, uri: maybeText, flags }),
    struct({ metadata: text }),
  ),
  domainSetMetadata: call(
    'write',
    264,
    struct({ dom: domain, type: int, metadata: maybeText, key: maybeText, uri: maybeText, flags }),
    nothing,
  ),

  domainEventRegister: call('read', 105, nothing, registered),
  domainEventDeregister: call('read', 106, nothing, registered),
  domainEventRegisterAny: call('read', 167, struct({ eventId: int }), nothing),
  domainEventDeregisterAny: call('read', 168, struct({ eventId: int }), nothing),
  domainEventCallbackRegisterAny: call('read', 316, registerFor(domain), callbackId),
  domainEventCallbackDeregisterAny: call('read', 317, callbackId, nothing),
  networkEventRegisterAny: call('read', 313, registerFor(network), callbackId),
  storagePoolEventRegisterAny: call('read', 368, registerFor(storagePool), callbackId),
  nodeDeviceEventRegisterAny: call('read', 374, registerFor(nodeDevice), callbackId),

  migrateBegin: call(
    'migrate',
    302,
    struct({ dom: domain, params: migrateParams, flags }),
    struct({ cookieOut: cookie, xml: text }),
  ),
  migratePrepare: call(
    'migrate',
    303,
    struct({ params: migrateParams, cookieIn: cookie, flags }),
    struct({ cookieOut: cookie, uriOut: maybeText }),
  ),
  migratePrepareTunnel: call('migrate', 304, struct({ params: migrateParams, cookieIn: cookie, flags }), cookieOut, {
    stream: true,
  }),
  migratePerform: call(
    'write',
    305,
    struct({ dom: domain, dconnuri: maybeText, params: migrateParams, cookieIn: cookie, flags }),
    cookieOut,
  ),
  migrateFinish: call(
    'migrate',
    306,
    struct({ params: migrateParams, cookieIn: cookie, flags, cancelled: int }),
    struct({ dom: domain, cookieOut: cookie }),
  ),
  migrateConfirm: call(
    'migrate',
    307,
    struct({ dom: domain, params: migrateParams, cookieIn: cookie, flags, cancelled: int }),
    nothing,
  ),
} as const;

export type ProcedureName = keyof typeof PROCEDURES;
export type Arguments<N extends ProcedureName> = XdrValue<(typeof PROCEDURES)[N]['args']>;
export type Result<N extends ProcedureName> = XdrValue<(typeof PROCEDURES)[N]['result']>;

/** Messages that a server sends unasked. */
export const EVENTS = {
  lifecycle: { number: 107, body: struct({ dom: domain, event: int, detail: int }) },
  connectionClosed: { number: 362, body: struct({ reason: int }) },
  callbackLifecycle: {
    number: 318,
    body: struct({ callbackId: int, msg: struct({ dom: domain, event: int, detail: int }) }),
  },
  callbackReboot: { number: 319, body: struct({ callbackId: int, msg: struct({ dom: domain }) }) },
  callbackBalloonChange: {
    number: 331,
    body: struct({ callbackId: int, msg: struct({ dom: domain, balloonKiB: uhyper }) }),
  },
  callbackTrayChange: {
    number: 328,
    body: struct({ callbackId: int, msg: struct({ dom: domain, alias: text, reason: int }) }),
  },
  callbackDeviceRemoved: { number: 333, body: struct({ callbackId: int, msg: struct({ dom: domain, alias: text }) }) },
  callbackDeviceAdded: { number: 354, body: struct({ callbackId: int, dom: domain, alias: text }) },
  callbackJobCompleted: { number: 363, body: struct({ callbackId: int, dom: domain, params: jobStats }) },
  callbackMetadataChange: {
    number: 379,
    body: struct({ callbackId: int, dom: domain, type: int, uri: maybeText }),
  },
} as const;

const BY_NUMBER = new Map<number, ProcedureName>(
  Object.entries(PROCEDURES).map(([name, { number }]) => [number, name as ProcedureName]),
);

/** The procedure with this number; undefined where this host does not know it. */
export function procedureNamed(number: number): ProcedureName | undefined {
  return BY_NUMBER.get(number);
}
