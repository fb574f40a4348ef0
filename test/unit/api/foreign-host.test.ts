import { expect, it } from 'vitest';
import { listDomains } from '../../../src/api/index.js';

it('E_USAGE_NOT_OPENED refuses an object that openHost has not made', async () => {
  const foreign = { stateDir: '/nowhere', version: '0', [Symbol.asyncDispose]: () => Promise.resolve() };
  await expect(listDomains(foreign)).rejects.toMatchObject({ code: 'E_USAGE_NOT_OPENED' });
});
