import { randomUUID } from 'node:crypto';
import { applyDefaults } from '../../domain/definition/defaults.js';
import { defineDomain } from '../../domain/definition/define.js';
import { domainMessages } from '../../domain/definition/messages.js';
import { readDefinition } from '../../domain/definition/read.js';
import { checkDefinition } from '../../domain/definition/validate/definition.js';
import { toDomain } from '../../domain/definition/write.js';
import { formatDomainXml } from '../../domain/format.js';
import { nativeFormat } from '../../domain/xl-config/formats.js';
import { fromXlConfig } from '../../domain/xl-config/from-config.js';
import { toXlConfig } from '../../domain/xl-config/to-config.js';
import { RefusedError } from '../../errors/errors.js';
import { define, undefine } from '../../operations/definition/define.js';
import { defineContext } from '../../operations/definition/define-context.js';
import { renameDomain } from '../../operations/definition/rename.js';
import { setAutostart } from '../../operations/lifecycle/autostart.js';
import { createDomain } from '../../operations/lifecycle/create.js';
import { currentDefinition, dumpXml } from '../../operations/lifecycle/details.js';
import { start } from '../../operations/lifecycle/start.js';
import type { WireDomain } from '../wire/types.js';
import { checkFlags, findKnown, refOf, wireDomain, wireKnown, type CallContext, type Handlers } from './call.js';
import { stateOf } from './domain-state.js';

/** virDomainXMLFlags. */
const XML = { secure: 1, inactive: 2, migratable: 8 } as const;
/** virDomainDefineFlags. */
const DEFINE_VALIDATE = 1;
/** virDomainCreateFlags. */
const CREATE = { paused: 1, forceBoot: 8, validate: 16 } as const;
/** virDomainUndefineFlagsValues. */
const UNDEFINE_MANAGED_SAVE = 1;
/** virDomainOSType, for what Xen runs. */
const OS_TYPE = { pv: 'xen', hvm: 'hvm', pvh: 'xenpvh' } as const;

async function startDomain(context: CallContext, dom: WireDomain, flags: number): Promise<WireDomain> {
  checkFlags(flags, CREATE.paused | CREATE.forceBoot);
  const { info } = await start(context.host, refOf(dom), {
    paused: (flags & CREATE.paused) !== 0,
    forceBoot: (flags & CREATE.forceBoot) !== 0,
    signal: context.signal,
    onEvent: () => undefined,
  });
  return wireDomain({ ...info, id: info.domid });
}

async function defineXml({ host, signal }: CallContext, xml: string, flags: number): Promise<{ dom: WireDomain }> {
  checkFlags(flags, DEFINE_VALIDATE);
  const { domain, warnings } = await define(host, xml, { validate: (flags & DEFINE_VALIDATE) !== 0, signal });
  noteWarnings(host.log, domain.name, warnings);
  return { dom: wireKnown(await host.findKnown(domain.uuid, signal)) };
}

/** Parts of a definition without effect: libvirt's reply has no field for them, so they go to the log. */
function noteWarnings(log: (line: string) => void, name: string, warnings: readonly string[]): void {
  for (const warning of warnings) log(`${name}: ${warning}`);
}

async function undefineDomain({ host, signal }: CallContext, dom: WireDomain, managedSave: boolean): Promise<void> {
  await undefine(host, refOf(dom), { managedSave, signal });
}

/** Domains: their state, XML, definition, start and end. */
export const domainCalls = {
  domainGetInfo: async ({ dom }, context) => {
    const known = await findKnown(context, dom);
    const { state } = stateOf(known, context.host.runs.get(known.uuid));
    const { info, stored } = known;
    const definition = stored?.domain;
    const current = definition && readDefinition(definition, { lenient: true }).definition;
    return {
      state,
      maxMem: BigInt(info?.maxMemoryKiB ?? definition?.memoryMaxKiB ?? 0),
      memory: BigInt(info?.memoryKiB ?? current?.memoryCurrentKiB ?? 0),
      vcpus: info?.vcpus ?? current?.vcpusCurrent ?? 0,
      cpuTime: info?.cpuTimeNs ?? 0n,
    };
  },
  domainGetState: async ({ dom, flags }, context) => {
    checkFlags(flags);
    const known = await findKnown(context, dom);
    return stateOf(known, context.host.runs.get(known.uuid));
  },
  domainGetControlInfo: async ({ dom, flags }, context) => {
    checkFlags(flags);
    const known = await findKnown(context, dom);
    const isBusy = context.host.jobs.holder(known.uuid) !== undefined;
    return { state: isBusy ? 1 : 0, details: 0, stateTime: 0n };
  },
  domainGetOsType: async ({ dom }, context) => {
    const domain = await currentDefinition(context.host, await findKnown(context, dom));
    const { type } = readDefinition(domain, { lenient: true }).definition;
    return { type: OS_TYPE[type] };
  },
  domainIsActive: async ({ dom }, context) => ({ active: (await findKnown(context, dom)).info === undefined ? 0 : 1 }),
  domainIsPersistent: async ({ dom }, context) => ({
    persistent: (await findKnown(context, dom)).stored === undefined ? 0 : 1,
  }),
  domainIsUpdated: async ({ dom }, context) => {
    await findKnown(context, dom);
    return { updated: 0 };
  },
  domainGetSecurityLabel: async ({ dom }, context) => {
    await findKnown(context, dom);
    return { label: '', enforcing: 0 };
  },
  domainGetMessages: async ({ dom, flags }, context) => {
    // 1: deprecations, 2: taints; none: both.
    checkFlags(flags, 3);
    const known = await findKnown(context, dom);
    if (known.info === undefined) return { messages: [] };
    return { messages: [...domainMessages(await currentDefinition(context.host, known))] };
  },
  domainGetXmlDesc: async ({ dom, flags }, { host, role }) => {
    checkFlags(flags, XML.secure | XML.inactive | XML.migratable);
    const securityInfo = (flags & XML.secure) !== 0;
    if (securityInfo && role !== 'admin') {
      throw new RefusedError('E_REFUSED_LIBVIRT_READ_ONLY', 'a read-only connection does not get passwords');
    }
    const options = {
      securityInfo,
      inactive: (flags & XML.inactive) !== 0,
      migratable: (flags & XML.migratable) !== 0,
    };
    return { xml: await dumpXml(host, refOf(dom), options) };
  },
  domainXmlFromNative: ({ format, config, flags }, { host }) => {
    checkFlags(flags);
    const source = Buffer.from(config);
    const { definition, warnings } = fromXlConfig(source, { format: nativeFormat(format), makeUuid: randomUUID });
    const complete = applyDefaults(definition, defineContext);
    checkDefinition(complete);
    noteWarnings(host.log, complete.name, warnings);
    return { xml: formatDomainXml(toDomain(complete)) };
  },
  domainXmlToNative: ({ format, xml, flags }, { host }) => {
    checkFlags(flags);
    const { definition, warnings } = defineDomain(xml, { ...defineContext, carryUnknown: true });
    noteWarnings(host.log, definition.name, warnings);
    return { config: toXlConfig(definition, nativeFormat(format)) };
  },

  domainDefineXml: ({ xml }, context) => defineXml(context, xml, 0),
  domainDefineXmlFlags: ({ xml, flags }, context) => defineXml(context, xml, flags),
  domainCreateXml: async ({ xml, flags }, { host, signal }) => {
    checkFlags(flags, CREATE.paused | CREATE.validate);
    const { info, warnings } = await createDomain(host, xml, {
      paused: (flags & CREATE.paused) !== 0,
      validate: (flags & CREATE.validate) !== 0,
      signal,
    });
    noteWarnings(host.log, info.name, warnings);
    return { dom: wireDomain({ ...info, id: info.domid }) };
  },
  domainCreate: async ({ dom }, context) => {
    await startDomain(context, dom, 0);
  },
  domainCreateWithFlags: async ({ dom, flags }, context) => ({ dom: await startDomain(context, dom, flags) }),
  domainUndefine: ({ dom }, context) => undefineDomain(context, dom, false),
  domainUndefineFlags: ({ dom, flags }, context) => {
    checkFlags(flags, UNDEFINE_MANAGED_SAVE);
    return undefineDomain(context, dom, (flags & UNDEFINE_MANAGED_SAVE) !== 0);
  },
  domainGetAutostart: async ({ dom }, context) => ({
    autostart: (await findKnown(context, dom)).stored?.autostart === true ? 1 : 0,
  }),
  domainSetAutostart: async ({ dom, autostart }, { host, signal }) => {
    await setAutostart(host, refOf(dom), autostart !== 0, signal);
  },
  domainRename: async ({ dom, newName, flags }, { host, signal }) => {
    checkFlags(flags);
    await renameDomain(host, refOf(dom), newName ?? '', signal);
    return { retcode: 0 };
  },
} satisfies Handlers;
