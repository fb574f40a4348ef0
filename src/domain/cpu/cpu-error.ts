import { CodedError } from '../../errors/errors.js';
import type { Comparison } from './compare-cpu.js';

/** A processor that does not meet the requirements: `E_CPU_*`. */
export class CpuError extends CodedError {}

/** The hint for a failed comparison; undefined if only another host helps. */
export function remedyOf({ instead }: Comparison): string | undefined {
  if (instead === undefined) return undefined;
  return `Only transactional memory (TSX) is missing, which many processors have switched off: try the CPU model ${instead}.`;
}

/** The error for a host that does not fit the CPU in `source`, with the reasons. */
export function incompatible(source: string, comparison: Comparison): CpuError {
  const { reasons, missing, unwanted } = comparison;
  return new CpuError(
    'E_CPU_INCOMPATIBLE',
    `CPU described in ${source} is incompatible with host CPU: ${reasons.join('; ')}`,
    {
      hint: remedyOf(comparison) ?? 'Choose another host, or a CPU that both have: `xenferry cpu-baseline`.',
      data: { missing, unwanted },
    },
  );
}
