import { ToolstackError } from '../../errors/errors.js';
import { readConfig } from './domain-config.js';
import { failIfTold } from './faults.js';
import { shapeOf } from './guest-shape.js';
import type { LockedDomain } from './locked-domain.js';
import { buildGuest } from './memory/guest-build.js';
import { GuestMemory } from './memory/guest-memory.js';
import { changeRunState } from './run-state.js';

/**
 * What libxl_domain_soft_reset does: the domain keeps its id and its devices are made anew. The kernel that takes over starts from
 * its first tick. Left paused. @throws ToolstackError `E_TOOLSTACK_STATE`, `E_TOOLSTACK_INVAL`, `E_TOOLSTACK_FAULT`
 */
export async function softReset(domain: LockedDomain, signal?: AbortSignal): Promise<void> {
  const { domid, shutdown } = domain.record;
  if (shutdown === null || shutdown === 'suspend') {
    throw new ToolstackError('E_TOOLSTACK_STATE', `domain ${domid} cannot be soft-reset: it has not shut down`, {
      data: { domid },
    });
  }
  const config = readConfig(domain.folder).domain;
  if (config.type !== 'hvm') {
    throw new ToolstackError('E_TOOLSTACK_INVAL', `domain ${domid} is ${config.type}: only HVM guests are soft-reset`, {
      hint: 'Set on_crash to what shall happen to it instead.',
      data: { domid },
    });
  }
  await failIfTold(domain.host, config, 'soft-reset-fails', signal);
  {
    using memory = GuestMemory.open(domain.folder);
    memory.resize(0); // what the last kernel left there
    await buildGuest(memory, shapeOf(config), signal);
  }
  changeRunState(domain, { shutdown: null, paused: true }, 'soft-reset');
}
