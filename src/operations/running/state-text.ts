import type { DomainInfo } from '../../toolstack/toolstack.js';

/** What a domain's state reads: where it stopped, the reason says more than `shutdown`. */
export function stateText(info: DomainInfo | undefined): string {
  if (info === undefined) return 'shut off';
  if (info.state !== 'shutdown') return info.state;
  return info.shutdownReason === 'suspend' ? 'suspended' : (info.shutdownReason ?? 'shutdown');
}
