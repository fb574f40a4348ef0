import { randomBytes } from 'node:crypto';
import type { DefaultsContext } from '../../domain/definition/defaults.js';

/** Random values for what a definition leaves open: addresses of network cards. */
export const defineContext: DefaultsContext = {
  randomOctets: () => {
    const [a, b, c] = randomBytes(3);
    return [a, b, c];
  },
};
