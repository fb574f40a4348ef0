/** Default bound of the bytes that are sent and not yet taken by the far consumer: covers 10 Gbit/s at 25 ms. */
export const WINDOW_BYTES = 32 * 1024 * 1024;

/** Most DATA frames under way, so that a flood of tiny ones is bounded too. */
export const WINDOW_FRAMES = 4096;

/** Larger chunks are cut: a lane is chosen per frame, and a frame must not block one for long. */
export const CHUNK_BYTES = 1024 * 1024;

/** Most lanes of one transfer. */
export const MAX_LANES = 64;
