/** Which domain was changed. */
export interface DomainRef {
  readonly uuid: string;
  readonly name: string;
}

/** Every call accepts a signal: it stops the wait, and a step under way is undone or left to the host. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** The caller's signal, or one that never fires. */
export const signalOf = ({ signal }: CallOptions): AbortSignal => signal ?? new AbortController().signal;
