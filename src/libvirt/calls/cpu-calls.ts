import { baselineCpu } from '../../domain/cpu/baseline-cpu.js';
import { compareCpu } from '../../domain/cpu/compare-cpu.js';
import { incompatible } from '../../domain/cpu/cpu-error.js';
import { readCpus, type DescribedCpu } from '../../domain/cpu/described-cpu.js';
import { writeCpu } from '../../domain/definition/cpu.js';
import { UsageError } from '../../errors/errors.js';
import { needReportedCpu } from '../../host/capabilities/host-cpu.js';
import { formatXml } from '../../xml/format.js';
import { checkFlags, type Handlers } from './call.js';

/** virCPUCompareResult. */
const COMPARED = { incompatible: 0, identical: 1, superset: 2 } as const;
/** virConnectCompareCPUFlags. */
const FAIL_INCOMPATIBLE = 1;
/** virConnectBaselineCPUFlags. */
const BASELINE = { expandFeatures: 1, migratable: 2 } as const;

function onlyCpu(xml: string): DescribedCpu {
  const cpus = readCpus(xml, 'the description');
  if (cpus.length === 1) return cpus[0];
  throw new UsageError('E_USAGE_CPU', `the description holds ${cpus.length} CPUs, not one`);
}

/** Processors compared. */
export const cpuCalls = {
  compareCpu: async ({ xml, flags }, { host, signal }) => {
    checkFlags(flags, FAIL_INCOMPATIBLE);
    const comparison = compareCpu(needReportedCpu(await host.toolstack.host(signal)), onlyCpu(xml));
    if (comparison.result === 'incompatible' && (flags & FAIL_INCOMPATIBLE) !== 0) {
      throw incompatible('the description', comparison);
    }
    return { result: COMPARED[comparison.result] };
  },
  baselineCpu: ({ xmlCpus, flags }) => {
    checkFlags(flags, BASELINE.expandFeatures | BASELINE.migratable);
    const baseline = baselineCpu(xmlCpus.map(onlyCpu), {
      expand: (flags & BASELINE.expandFeatures) !== 0,
      migratable: (flags & BASELINE.migratable) !== 0,
    });
    return { cpu: formatXml(writeCpu(baseline)) };
  },
} satisfies Handlers;
