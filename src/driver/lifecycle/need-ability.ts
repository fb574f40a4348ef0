import { RefusedError } from '../../errors/errors.js';
import type { Ability } from '../../toolstack/toolstack.js';
import type { Host } from '../host.js';

/** Asks before use whether the toolstack can do something (S25). @throws RefusedError `E_REFUSED_UNSUPPORTED`, naming it */
export async function needAbility(host: Host, ability: Ability, signal?: AbortSignal): Promise<void> {
  const { toolstack, version, lacks } = await host.toolstack.host(signal);
  if (!lacks.includes(ability)) return;
  throw new RefusedError(
    'E_REFUSED_UNSUPPORTED',
    `the toolstack of this host (${toolstack} ${version}) lacks ${ability}`,
    {
      hint: 'Change the definition with --config, for the next start, where that will do; or bring the host to a release that has it.',
      data: { ability },
    },
  );
}
