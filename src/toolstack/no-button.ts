import type { Domain } from '../domain/model.js';
import { RefusedError } from '../errors/errors.js';

/** The error for a button that a guest has not got: only an HVM guest has a machine around it. */
export function noButton({ name, type }: Domain, button: 'power' | 'reset'): RefusedError {
  return new RefusedError('E_REFUSED_UNSUPPORTED', `domain ${name} is ${type}: it has no ${button} button`, {
    hint: button === 'power' ? 'Ask its Xen drivers: --mode paravirt.' : 'Use `destroy` and `start`.',
  });
}
