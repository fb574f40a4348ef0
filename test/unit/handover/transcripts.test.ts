import { expect, it } from 'vitest';
import { transcriptOf, WALKS } from '../../support/model/walks.js';

/** Rewritten by `npx vitest run test/unit/handover/transcripts.test.ts --update`: read the difference before you commit it. */
const FOLDER = './transcripts';

it.each(WALKS)('the handover goes as it is written down: $name', async (walk) => {
  const file = `${walk.name.replaceAll(/[^a-z]+/g, '-')}.txt`;
  await expect(transcriptOf(walk)).toMatchFileSnapshot(`${FOLDER}/${file}`);
});
