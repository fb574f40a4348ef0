/** Which domain was changed. */
export interface DomainRef {
  readonly uuid: string;
  readonly name: string;
}

/** Every call takes a signal: it stops the wait, and what was begun is undone or left as the host has it. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** The caller's signal, or one that never fires. */
export const signalOf = ({ signal }: CallOptions): AbortSignal => signal ?? new AbortController().signal;
