import type { JournalEntry } from './journal-text.js';

/** How long and how many journals of completed migrations are kept. */
export interface Retention {
  /** Since the last record. */
  readonly maxAgeMs: number;
  /** Journals of settled migrations; the latest of each domain is kept in any case, unless it is too old. */
  readonly maxCount: number;
}

const DAY_MS = 86_400_000;
export const DEFAULT_RETENTION: Retention = { maxAgeMs: 30 * DAY_MS, maxCount: 500 };

/**
 * Whether no side will ask about this migration again. A destination's `activated` counts only once the source has
 * confirmed that it destroyed its own copy: a source that asks and is refused would resume its guest, which would then
 * run twice. A `refused` may be forgotten, since an unknown migration is refused.
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

/** The journals that may be removed. @param now in ms since the epoch */
export function prunable(entries: readonly JournalEntry[], now: number, retention: Retention): JournalEntry[] {
  const latest = new Map<string, number>();
  for (const { header } of entries) latest.set(header.uuid, Math.max(latest.get(header.uuid) ?? 0, header.epoch));
  const over = entries.filter(isOver).sort((a, b) => lastWord(b) - lastWord(a));
  return over.filter((entry, index) => {
    // After the clock was set back nothing counts as old.
    if (now - lastWord(entry) > retention.maxAgeMs) return true;
    return index >= retention.maxCount && entry.header.epoch < (latest.get(entry.header.uuid) ?? 0);
  });
}
