import { availableParallelism } from 'node:os';

/** A lane keeps one core busy with encryption, and the codec needs one: with two cores a second lane only adds work. */
export const DEFAULT_LANES = Math.max(1, Math.min(4, availableParallelism() - 1));
