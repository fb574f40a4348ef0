import { formatConfig, readConfig } from '../../src/toolstack/libxl/domain-config.js';
import type { Toolstack } from '../../src/toolstack/toolstack.js';

/** What a domain is goes through libxl's JSON, which does not say everything: its shared disks, their buses. */
export function throughJson(toolstack: Toolstack): Toolstack {
  const describeIt = toolstack.describe.bind(toolstack);
  const createIt = toolstack.create.bind(toolstack);
  toolstack.describe = async (id, signal) =>
    readConfig(formatConfig({ domain: (await describeIt(id, signal)).domain }));
  toolstack.create = (config, signal) => {
    formatConfig(config);
    return createIt(config, signal);
  };
  return toolstack;
}
