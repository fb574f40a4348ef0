import { RefusedError } from '../../errors/errors.js';
import type { Ability, HostInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';

/**
 * Checks before use that the toolstack has an ability (S25). @returns the host's information @throws RefusedError
 * `E_REFUSED_UNSUPPORTED`, naming it
 */
export async function needAbility(host: Host, ability: Ability, signal?: AbortSignal): Promise<HostInfo> {
  const here = await host.toolstack.host(signal);
  const { toolstack, version, lacks } = here;
  if (!lacks.includes(ability)) return here;
  throw new RefusedError(
    'E_REFUSED_UNSUPPORTED',
    `the toolstack of this host (${toolstack} ${version}) lacks ${ability}`,
    {
      hint: 'Change the definition with --config, for the next start, if that suffices; or upgrade the host to a release that has it.',
      data: { ability },
    },
  );
}
