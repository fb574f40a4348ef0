import { OwnedFd } from '../../posix/owned-fd.js';
import { parseDomainXml } from '../../domain/parse.js';
import { serveAgent, type CallContext } from '../agent/serve.js';
import type { GuestConfig } from '../toolstack.js';
import { HostFolder } from './host-folder.js';
import { restoreParamsSchema, saveParamsSchema, type Restored } from './transfer-protocol.js';
import { restoreDomain } from './transfer/restore-domain.js';
import { saveDomain } from './transfer/save-domain.js';

/* Entry point of the process that does one save or restore for an embedded host. */

function streamOf({ passedFd }: CallContext): OwnedFd {
  return new OwnedFd(passedFd, 'save stream');
}

serveAgent({
  /** For an agent that is started ahead: what it needs is loaded. */
  ready: () => Promise.resolve(undefined),
  save: async (params, call) => {
    const { dir, domid, live } = saveParamsSchema.parse(params);
    await saveDomain({ host: HostFolder.open(dir), domid, live }, streamOf(call), call);
  },
  restore: async (params, call): Promise<Restored> => {
    const { dir, xml, native } = restoreParamsSchema.parse(params);
    const config: GuestConfig = {
      domain: parseDomainXml(xml, { trust: 'peer' }),
      ...(native === undefined ? {} : { native: { format: 'libxl-json', text: native } }),
    };
    return { domid: await restoreDomain(HostFolder.open(dir), config, streamOf(call), call) };
  },
});
