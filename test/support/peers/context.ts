import type { DefineContext } from '../../../src/domain/definition/define.js';

/** Definitions of the suites are read as `define` reads a user's, with the values that would be random made plain. */
export const context: DefineContext = {
  randomOctets: () => [1, 2, 3],
  makeUuid: () => '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001',
  carryUnknown: true,
};
