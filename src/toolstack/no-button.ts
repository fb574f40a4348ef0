import type { Domain } from '../domain/model.js';
import { RefusedError } from '../errors/errors.js';

/** What the machine around an HVM guest has: the last one ends its ACPI S3 sleep. */
export type Button = 'power' | 'reset' | 'wake';

const HINTS: Readonly<Record<Button, string>> = {
  power: 'Ask its Xen drivers: --mode paravirt.',
  reset: 'Use `destroy` and `start`.',
  wake: 'It cannot sleep by itself; `domstate --reason` shows how it is.',
};

/** The error for a button that a guest has not got: only an HVM guest has a machine around it. */
export function noButton({ name, type }: Domain, button: Button): RefusedError {
  return new RefusedError('E_REFUSED_UNSUPPORTED', `domain ${name} is ${type}: it has no ${button} button`, {
    hint: HINTS[button],
  });
}
