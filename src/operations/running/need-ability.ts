import { RefusedError } from '../../errors/errors.js';
import type { Ability, HostInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';

/** Asks before use whether the toolstack can do something (S25). @returns the host that can @throws RefusedError `E_REFUSED_UNSUPPORTED`, naming it */
export async function needAbility(host: Host, ability: Ability, signal?: AbortSignal): Promise<HostInfo> {
  const here = await host.toolstack.host(signal);
  const { toolstack, version, lacks } = here;
  if (!lacks.includes(ability)) return here;
  throw new RefusedError(
    'E_REFUSED_UNSUPPORTED',
    `the toolstack of this host (${toolstack} ${version}) lacks ${ability}`,
    {
      hint: 'Change the definition with --config, for the next start, where that will do; or bring the host to a release that has it.',
      data: { ability },
    },
  );
}
