import { RefusedError } from '../../errors/errors.js';
import type { KnownDomain } from '../../host/registry/known-domain.js';
import { checkFlags, uuidOf, wireKnown, type CallContext, type Handlers } from './call.js';
import { STATE, stateOf } from './domain-state.js';

/** virConnectListAllDomainsFlags: pairs and quadruples; a group of which no bit is set lets everything through. */
const LIST = {
  active: 1,
  inactive: 2,
  persistent: 4,
  transient: 8,
  running: 16,
  paused: 32,
  shutoff: 64,
  other: 128,
  managedSave: 256,
  noManagedSave: 512,
  autostart: 1024,
  noAutostart: 2048,
  hasSnapshot: 4096,
  noSnapshot: 8192,
  hasCheckpoint: 16_384,
  noCheckpoint: 32_768,
} as const;
const EVERY_FLAG = 65_535;

/** Which bit of each group a domain has. */
function bitsOf({ host }: CallContext, known: KnownDomain): number[] {
  const { info, stored, managedSave } = known;
  const { state } = stateOf(known, host.runs.get(known.uuid));
  const byState = new Map<number, number>([
    [STATE.running, LIST.running],
    [STATE.paused, LIST.paused],
    [STATE.shutoff, LIST.shutoff],
  ]);
  return [
    info === undefined ? LIST.inactive : LIST.active,
    stored === undefined ? LIST.transient : LIST.persistent,
    byState.get(state) ?? LIST.other,
    managedSave ? LIST.managedSave : LIST.noManagedSave,
    stored?.autostart === true ? LIST.autostart : LIST.noAutostart,
    LIST.noSnapshot,
    LIST.noCheckpoint,
  ];
}

const GROUPS = [
  LIST.active | LIST.inactive,
  LIST.persistent | LIST.transient,
  LIST.running | LIST.paused | LIST.shutoff | LIST.other,
  LIST.managedSave | LIST.noManagedSave,
  LIST.autostart | LIST.noAutostart,
  LIST.hasSnapshot | LIST.noSnapshot,
  LIST.hasCheckpoint | LIST.noCheckpoint,
] as const;

async function known({ host, signal }: CallContext): Promise<readonly KnownDomain[]> {
  return (await host.known(signal)).domains;
}

const running = async (context: CallContext): Promise<KnownDomain[]> =>
  (await known(context)).filter(({ info }) => info !== undefined);
const defined = async (context: CallContext): Promise<KnownDomain[]> =>
  (await known(context)).filter(({ info }) => info === undefined);

async function pick(context: CallContext, what: string, is: (one: KnownDomain) => boolean): Promise<KnownDomain> {
  const found = (await known(context)).find(is);
  if (found !== undefined) return found;
  throw new RefusedError('E_REFUSED_NO_DOMAIN', `no domain with matching ${what}`);
}

/** The domains of the host, and each by what it is called. */
export const listCalls = {
  listAllDomains: async ({ needResults, flags }, context) => {
    checkFlags(flags, EVERY_FLAG);
    const domains = (await known(context)).filter((one) => {
      const bits = bitsOf(context, one).reduce((all, bit) => all | bit, 0);
      return GROUPS.every((group) => (flags & group) === 0 || (flags & group & bits) !== 0);
    });
    return { items: needResults === 0 ? [] : domains.map(wireKnown), ret: domains.length };
  },
  numOfDomains: async (_args, context) => ({ num: (await running(context)).length }),
  listDomains: async ({ max }, context) => ({
    ids: (await running(context)).flatMap(({ info }) => info?.domid ?? []).slice(0, Math.max(0, max)),
  }),
  numOfDefinedDomains: async (_args, context) => ({ num: (await defined(context)).length }),
  listDefinedDomains: async ({ max }, context) => ({
    names: (await defined(context)).map(({ name }) => name).slice(0, Math.max(0, max)),
  }),
  lookupById: async ({ id }, context) => ({
    dom: wireKnown(await pick(context, `id ${id}`, ({ info }) => info?.domid === id)),
  }),
  lookupByName: async ({ name }, context) => ({
    dom: wireKnown(await pick(context, `name '${name}'`, (one) => one.name === name)),
  }),
  lookupByUuid: async ({ uuid }, context) => {
    const text = uuidOf(uuid);
    return { dom: wireKnown(await pick(context, `uuid '${text}'`, (one) => one.uuid === text)) };
  },
} satisfies Handlers;
