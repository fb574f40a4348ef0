import { expect, it } from 'vitest';
import { throttleProgress } from '../../../../src/toolstack/libxl/progress-throttle.js';
import type { TransferEvent } from '../../../../src/toolstack/toolstack.js';

const round = (number: number, pagesSent: number, pagesTotal = 100): TransferEvent => ({
  type: 'round',
  round: number,
  pagesSent,
  pagesTotal,
});

it('a round’s beginning and end come at once, what lies between now and then, and nothing twice', () => {
  let now = 0;
  const heard: TransferEvent[] = [];
  const tell = throttleProgress(
    (event) => heard.push(event),
    () => now,
  );
  tell(round(0, 0));
  tell(round(0, 1)); // too soon
  now = 250;
  tell(round(0, 2));
  tell({ type: 'log', level: 'warning', text: 'at once' });
  tell(round(0, 100));
  now = 900;
  tell(round(0, 100)); // nothing new
  tell(round(1, 0, 7));
  tell(round(1, 7, 7));
  expect(heard).toEqual([
    round(0, 0),
    round(0, 2),
    { type: 'log', level: 'warning', text: 'at once' },
    round(0, 100),
    round(1, 0, 7),
    round(1, 7, 7),
  ]);
});
