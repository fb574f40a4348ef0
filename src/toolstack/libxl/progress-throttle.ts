import type { TransferEvent } from '../toolstack.js';

/** Interval of progress within a round, in ms. */
const PAUSE_MS = 200;

/**
 * libxc reports every 4 MiB of frame numbers, a thousand times if a guest's last frame is below 4 GiB. Each would be a
 * message between processes: so events without a change are dropped, and the rest is throttled. Beginning and end of a
 * round, and all other events, are passed at once.
 */
export function throttleProgress(
  heard: (event: TransferEvent) => void,
  now: () => number = () => performance.now(),
): (event: TransferEvent) => void {
  let round = -1;
  let sent = -1;
  let at = 0;
  return (event) => {
    if (event.type === 'round') {
      const begins = event.round !== round;
      const ends = event.pagesSent >= event.pagesTotal;
      if (!begins && (event.pagesSent === sent || (!ends && now() - at < PAUSE_MS))) return;
      round = event.round;
      sent = event.pagesSent;
      at = now();
    }
    heard(event);
  };
}
