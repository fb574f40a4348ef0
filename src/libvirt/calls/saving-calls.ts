import { dumpDomain } from '../../operations/saving/core-dump.js';
import { managedSave, removeManagedSave } from '../../operations/saving/managed-save.js';
import { restore } from '../../operations/saving/restore.js';
import { save } from '../../operations/saving/save.js';
import type { WireDomain } from '../wire/types.js';
import { checkFlags, findKnown, refOf, unsupported, type CallContext, type Handlers } from './call.js';

/** virDomainSaveRestoreFlags. */
const SAVE = { running: 2, paused: 4 } as const;
/** virDomainCoreDumpFlags. */
const DUMP = { crash: 1, live: 2, reset: 8 } as const;

async function saveTo(
  { host, signal }: CallContext,
  dom: WireDomain,
  file: string,
  xml: string | undefined,
  flags: number,
): Promise<void> {
  checkFlags(flags);
  if (xml !== undefined) {
    throw unsupported('a save file keeps the configuration that runs', 'Give the other XML to `restore --xml`.');
  }
  const request = { domain: refOf(dom), file, checkpoint: false, unpause: true, signal, onEvent: () => undefined };
  await save(host, request);
}

async function restoreFrom(
  { host, signal }: CallContext,
  file: string,
  xml: string | undefined,
  flags: number,
): Promise<void> {
  checkFlags(flags, SAVE.running | SAVE.paused);
  await restore(host, { file, xml, paused: (flags & SAVE.paused) !== 0, signal, onEvent: () => undefined });
}

/** Save files, saved states and core dumps. */
export const savingCalls = {
  domainSave: ({ dom, to }, context) => saveTo(context, dom, to, undefined, 0),
  domainSaveFlags: ({ dom, to, xml, flags }, context) => saveTo(context, dom, to, xml, flags),
  domainRestore: ({ from }, context) => restoreFrom(context, from, undefined, 0),
  domainRestoreFlags: ({ from, xml, flags }, context) => restoreFrom(context, from, xml, flags),
  domainManagedSave: async ({ dom, flags }, { host, signal }) => {
    checkFlags(flags, SAVE.running | SAVE.paused);
    const then =
      (flags & SAVE.paused) !== 0
        ? ('paused' as const)
        : (flags & SAVE.running) !== 0
          ? ('running' as const)
          : undefined;
    await managedSave(host, refOf(dom), { then, unpause: true, signal, onEvent: () => undefined });
  },
  domainHasManagedSave: async ({ dom, flags }, context) => {
    checkFlags(flags);
    return { result: (await findKnown(context, dom)).managedSave ? 1 : 0 };
  },
  domainManagedSaveRemove: async ({ dom, flags }, { host, signal }) => {
    checkFlags(flags);
    await removeManagedSave(host, refOf(dom), signal);
  },
  domainCoreDump: async ({ dom, to, flags }, { host, signal }) => {
    checkFlags(flags, DUMP.crash | DUMP.live | DUMP.reset);
    await dumpDomain(host, refOf(dom), {
      file: to,
      live: (flags & DUMP.live) !== 0,
      crash: (flags & DUMP.crash) !== 0,
      reset: (flags & DUMP.reset) !== 0,
      signal,
    });
  },
} satisfies Handlers;
