import { ownCommand } from '../../errors/shell-words.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';

/** The text for a domain's state: for a stopped domain the reason, which is more specific than `shutdown`. */
export function stateText(info: DomainInfo | undefined): string {
  if (info === undefined) return 'shut off';
  if (info.state !== 'shutdown') return info.state;
  return info.shutdownReason === 'suspend' ? 'suspended' : (info.shutdownReason ?? 'shutdown');
}

/** What lets a domain go on that was suspended to memory. */
export function wakeHint({ name }: Pick<DomainInfo, 'name'>): string {
  return `It was suspended to memory: \`${ownCommand('dompmwakeup', name)}\` lets it run on, \`${ownCommand('destroy', name)}\` ends it.`;
}
