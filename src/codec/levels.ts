/** zstd's levels that make sense here; negative ones are faster. */
export const MIN_LEVEL = -50;
export const MAX_LEVEL = 19;
