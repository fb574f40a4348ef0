import { closeSync } from 'node:fs';
import { ANSWER_FD, FIRST_PASSED_FD } from '../agent/protocol.js';
import { serveAgent, type CallContext } from '../agent/serve.js';
import {
  annotateParams,
  attachParams,
  detachParams,
  domainParams,
  guestParams,
  preserveParams,
  renameParams,
  restoreParams,
  saveParams,
  wireInfo,
  dumpParams,
  dom0TargetParams,
  mediumParams,
  memoryParams,
  neededParams,
  onlineParams,
  pinParams,
  pressParams,
  schedulingParams,
} from './agent-protocol.js';
import { closeOnExec } from './close-on-exec.js';
import { LibxlContext } from './context.js';
import type { Domid } from '../domid.js';
import { watchDomains } from './domain-watch.js';
import { EventPump } from './event-pump.js';
import { countedPages } from './first-round.js';
import { hostFacts } from './host-facts.js';
import type { Transfer } from './libxl-calls.js';
import { loadLibxl } from './load.js';
import { LogTap } from './log-tap.js';
import type { LibxlNative } from './native.js';
import { runningRelease } from './release.js';
import { throttleProgress } from './progress-throttle.js';

/* Entry point of the processes that own a libxl context: one for queries and small calls, one for each transfer. */

closeOnExec(ANSWER_FD);
closeOnExec(FIRST_PASSED_FD);

interface Opened {
  readonly native: LibxlNative;
  readonly pump: EventPump;
  readonly context: LibxlContext;
}

let opened: Opened | undefined;

/** The context, opened by the first call, so that a failure is that call's. */
function open(): Opened {
  if (opened === undefined) {
    const tap = new LogTap();
    const native = loadLibxl(runningRelease(), tap.fd);
    const pump = new EventPump(native);
    opened = { native, pump, context: new LibxlContext(native, pump, tap) };
  }
  return opened;
}

function transferOf({ signal, emit }: CallContext): Transfer {
  return { signal, heard: emit };
}

/** The new domain belongs to the caller once the answer was received; until then this process removes it. */
function made(domid: Domid, { ifUnheard }: CallContext): { domid: Domid } {
  ifUnheard(() => open().context.lifecycle.destroy(domid));
  return { domid };
}

/** A small call on one domain. */
function onDomain(call: (context: LibxlContext, id: Domid) => Promise<void>): (params: unknown) => Promise<void> {
  return async (params) => {
    await call(open().context, domainParams.parse(params).domid);
  };
}

serveAgent({
  host: () => hostFacts(open().native),
  list: async () => (await open().context.queries.list()).map(wireInfo),
  info: async (params) => {
    const info = await open().context.queries.info(domainParams.parse(params).domid);
    return info === undefined ? null : wireInfo(info);
  },
  describe: (params) => open().context.queries.describe(domainParams.parse(params).domid),
  withdrawSuspend: onDomain((context, id) => context.lifecycle.withdrawSuspend(id)),
  resume: onDomain((context, id) => context.lifecycle.resume(id)),
  suspendToMemory: async (params, call) => {
    await open().context.lifecycle.suspendToMemory(domainParams.parse(params).domid, transferOf(call));
  },
  softReset: async (params, call) => {
    await open().context.lifecycle.softReset(domainParams.parse(params).domid, transferOf(call));
  },
  annotate: async (params) => {
    const { domid, text } = annotateParams.parse(params);
    await open().context.lifecycle.annotate(domid, text);
  },
  pause: onDomain((context, id) => context.lifecycle.pause(id)),
  unpause: onDomain((context, id) => context.lifecycle.unpause(id)),
  shutdown: onDomain((context, id) => context.lifecycle.shutdown(id)),
  reboot: onDomain((context, id) => context.lifecycle.reboot(id)),
  destroy: onDomain((context, id) => context.lifecycle.destroy(id)),
  rename: async (params) => {
    const { domid, name } = renameParams.parse(params);
    await open().context.lifecycle.rename(domid, name);
  },
  preserve: async (params) => {
    const { domid, suffix, uuid } = preserveParams.parse(params);
    await open().context.lifecycle.preserve(domid, suffix, uuid);
  },
  press: async (params) => {
    const { domid, button } = pressParams.parse(params);
    await open().context.lifecycle.press(domid, button);
  },
  setMemory: async (params) => {
    const { domid, kib } = memoryParams.parse(params);
    await open().context.tuning.setMemory(domid, kib);
  },
  neededMemory: async (params) => ({
    kib: await open().context.tuning.neededMemory(neededParams.parse(params).config),
  }),
  setDom0Target: async (params) => {
    await open().context.tuning.setDom0Target(dom0TargetParams.parse(params).kib);
  },
  setVcpus: async (params) => {
    const { domid, online } = onlineParams.parse(params);
    await open().context.tuning.setVcpus(domid, online);
  },
  vcpus: async (params) => {
    const found = await open().context.tuning.vcpus(domainParams.parse(params).domid);
    return found.map((vcpu) => ({ ...vcpu, timeNs: String(vcpu.timeNs) }));
  },
  pinVcpu: async (params) => {
    const { domid, vcpu, cpus } = pinParams.parse(params);
    await open().context.tuning.pinVcpu(domid, vcpu, cpus);
  },
  attach: async (params, call) => {
    const { domid, kind, json } = attachParams.parse(params);
    await open().context.devices.attach(domid, kind, json, transferOf(call));
  },
  detach: async (params, call) => {
    const { domid, force, ...device } = detachParams.parse(params);
    await open().context.devices.detach(domid, device, force, transferOf(call));
  },
  changeMedium: async (params, call) => {
    const { domid, json } = mediumParams.parse(params);
    await open().context.devices.changeMedium(domid, json, transferOf(call));
  },
  scheduling: async (params) => await open().context.tuning.scheduling(domainParams.parse(params).domid),
  setScheduling: async (params) => {
    const { domid, weight, cap } = schedulingParams.parse(params);
    await open().context.tuning.setScheduling(domid, { weight, cap });
  },
  dumpCore: async (params, call) => {
    const { domid, path } = dumpParams.parse(params);
    await open().context.lifecycle.dumpCore(domid, path, transferOf(call));
  },
  create: async (params, call) =>
    made(await open().context.making.create(guestParams.parse(params), transferOf(call)), call),
  restore: async (params, call) => {
    const { streamVersion, ...guest } = restoreParams.parse(params);
    try {
      return made(await open().context.making.restore(guest, call.passedFd, streamVersion, transferOf(call)), call);
    } finally {
      closeSync(call.passedFd);
    }
  },
  save: async (params, call) => {
    const { domid, live } = saveParams.parse(params);
    try {
      const { context } = open();
      const memoryKiB = (await context.queries.info(domid))?.memoryKiB ?? 0;
      const throttled = throttleProgress(call.emit);
      const heard: Transfer['heard'] = (event) => throttled(countedPages(event, memoryKiB));
      await context.lifecycle.save(domid, call.passedFd, live, { signal: call.signal, heard });
    } finally {
      closeSync(call.passedFd); // before the answer: the reader sees the end
    }
  },
  watch: async (_, call) => {
    const { native, pump, context } = open();
    await watchDomains(native, pump, context.queries, call.emit, call.signal);
  },
});
