import { resumeDomain, suspendDomain } from '../../operations/lifecycle/pause.js';
import {
  destroyDomain,
  destroyGracefully,
  rebootDomain,
  resetDomain,
  shutdownDomain,
  type PowerMode,
} from '../../operations/lifecycle/power.js';
import { PM_TARGETS, pmSuspendDomain, pmWakeUpDomain } from '../../operations/lifecycle/pm-suspend.js';
import { UsageError } from '../../errors/errors.js';
import { checkFlags, refOf, type CallContext, type Handlers } from './call.js';
import type { WireDomain } from '../wire/types.js';

/** virDomainShutdownFlagValues and virDomainRebootFlagValues: those that Xen's guests know. */
const MODE_FLAGS: readonly (readonly [flag: number, mode: PowerMode])[] = [
  [1, 'acpi'],
  [16, 'paravirt'],
];
const EVERY_MODE = 17;
const DESTROY_GRACEFUL = 1;

const modes = (flags: number): PowerMode[] => {
  checkFlags(flags, EVERY_MODE);
  return MODE_FLAGS.filter(([flag]) => (flags & flag) !== 0).map(([, mode]) => mode);
};

async function shutDown({ host, signal }: CallContext, dom: WireDomain, flags: number): Promise<void> {
  await shutdownDomain(host, refOf(dom), modes(flags), signal);
}

async function destroy({ host, signal }: CallContext, dom: WireDomain, flags: number): Promise<void> {
  checkFlags(flags, DESTROY_GRACEFUL);
  if ((flags & DESTROY_GRACEFUL) === 0) await destroyDomain(host, refOf(dom), signal);
  else await destroyGracefully(host, refOf(dom), host.deadlines.callMs, signal);
}

/** Shutdown, reboot, suspension and resumption of guests. */
export const powerCalls = {
  domainShutdown: ({ dom }, context) => shutDown(context, dom, 0),
  domainShutdownFlags: ({ dom, flags }, context) => shutDown(context, dom, flags),
  domainReboot: async ({ dom, flags }, { host, signal }) => {
    await rebootDomain(host, refOf(dom), modes(flags), signal);
  },
  domainReset: async ({ dom, flags }, { host, signal }) => {
    checkFlags(flags);
    await resetDomain(host, refOf(dom), signal);
  },
  domainDestroy: ({ dom }, context) => destroy(context, dom, 0),
  domainDestroyFlags: ({ dom, flags }, context) => destroy(context, dom, flags),
  domainSuspend: async ({ dom }, { host, signal }) => {
    await suspendDomain(host, refOf(dom), signal);
  },
  domainResume: async ({ dom }, { host, signal }) => {
    await resumeDomain(host, refOf(dom), signal);
  },
  domainPmSuspendForDuration: async ({ dom, target, duration, flags }, { host, signal }) => {
    checkFlags(flags);
    const chosen = PM_TARGETS.at(target);
    if (chosen === undefined) throw new UsageError('E_USAGE_LIBVIRT_ARGUMENT', `there is no target ${target}`);
    await pmSuspendDomain(host, refOf(dom), { target: chosen, duration: Number(duration) }, signal);
  },
  domainPmWakeup: async ({ dom, flags }, { host, signal }) => {
    checkFlags(flags);
    await pmWakeUpDomain(host, refOf(dom), signal);
  },
} satisfies Handlers;
