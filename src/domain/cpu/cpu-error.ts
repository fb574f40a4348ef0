import { CodedError } from '../../errors/errors.js';
import type { Comparison } from './compare-cpu.js';

/** A processor that cannot be what was asked for: `E_CPU_*`. */
export class CpuError extends CodedError {}

/** What a person is told to do about a comparison that failed; undefined where there is nothing to do but to look for another host. */
export function remedyOf({ instead }: Comparison): string | undefined {
  if (instead === undefined) return undefined;
  return `Only transactional memory (TSX) is missing, which many processors have switched off: try the CPU model ${instead}.`;
}

/** That a host cannot be what `source` describes, and why. */
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
