/** Every wait of a migration, in ms. Named in one place so that tests and operators can shorten them together. */
export interface Deadlines {
  /** Connecting, TLS or ssh handshake, and the hellos. */
  readonly connectMs: number;
  /** The destination's pre-flight and start of the restore. */
  readonly prepareMs: number;
  /** No byte moved, at either end of the tunnel. libxl waits 60 s for a guest to suspend, so longer than that. */
  readonly stallMs: number;
  /** How long a migration outlives the loss of every connection (`--reconnect-timeout`); 0: not at all. */
  readonly reconnectMs: number;
  /** The restore's own work after the last byte (device model, xenstore). */
  readonly restoreMs: number;
  /** From `finish` to the destination's answer: the restore, the unpause, and a margin. */
  readonly finishMs: number;
  /** How long a source whose `finish` was not answered keeps asking before it reports «in doubt». */
  readonly askMs: number;
  /** Any single call of the toolstack that is not a transfer. */
  readonly callMs: number;
  /** Waiting for another job on the same domain (libvirt's 30 s). */
  readonly jobMs: number;
}

export const DEFAULT_DEADLINES: Deadlines = {
  connectMs: 30_000,
  prepareMs: 60_000,
  stallMs: 90_000,
  reconnectMs: 30_000,
  restoreMs: 120_000,
  finishMs: 150_000,
  askMs: 60_000,
  callMs: 60_000,
  jobMs: 30_000,
};
