import type { JournalEntry } from './journal-text.js';

/** How much history is kept of migrations that are over. */
export interface Retention {
  /** Since its last record. */
  readonly maxAgeMs: number;
  /** Journals of settled migrations; of each domain the latest stays in any case, while it is not too old. */
  readonly maxCount: number;
}

const DAY_MS = 86_400_000;
export const DEFAULT_RETENTION: Retention = { maxAgeMs: 30 * DAY_MS, maxCount: 500 };

/**
 * Whether there can be no more questions about this migration. A destination's `activated` counts only once the source has confirmed that
 * it ended its own copy: a source that asks and is refused would take its guest back, and it would run twice. A `refused` may
 * be forgotten, since what is not known is refused.
 */
function isOver({ header, state }: JournalEntry): boolean {
  switch (state?.state) {
    case 'released':
    case 'retained':
      return header.side === 'source';
    case 'refused':
      return header.side === 'dest';
    case 'activated':
      return header.side === 'dest' && state.confirmed === true;
    default:
      return false;
  }
}

const lastWord = ({ header, state }: JournalEntry): number => Date.parse(state?.at ?? header.startedAt);

/** Those of the journals that may be removed. @param now in ms since the epoch */
export function prunable(entries: readonly JournalEntry[], now: number, retention: Retention): JournalEntry[] {
  const latest = new Map<string, number>();
  for (const { header } of entries) latest.set(header.uuid, Math.max(latest.get(header.uuid) ?? 0, header.epoch));
  const over = entries.filter(isOver).sort((a, b) => lastWord(b) - lastWord(a));
  return over.filter((entry, index) => {
    // A clock that went back makes nothing old.
    if (now - lastWord(entry) > retention.maxAgeMs) return true;
    return index >= retention.maxCount && entry.header.epoch < (latest.get(entry.header.uuid) ?? 0);
  });
}
