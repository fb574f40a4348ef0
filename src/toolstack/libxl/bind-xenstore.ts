import koffi from '../../posix/koffi.js';
import { onThread } from './foreign.js';
import { textAt } from './c-memory.js';
import type { Address, LibxlNative } from './native.js';

/** libxenstore has had major version 4 since Xen 4.16, and 3.0 before. */
const SONAMES = ['libxenstore.so.4', 'libxenstore.so.3.0'] as const;
/** Attempts: other writers of xenstore make the transaction start again. */
const TRIES = 10;
const SUSPEND = 'suspend';
const NO_TRANSACTION = 0;
/** A word, or the number of a process. */
const MAX_TEXT = 16;

interface Xenstore {
  open(flags: number): Promise<Address | null>;
  close(handle: Address): Promise<void>;
  begin(handle: Address): Promise<number>;
  end(handle: Address, transaction: number, abort: boolean): Promise<boolean>;
  read(handle: Address, transaction: number, path: string, length: [number]): Promise<Address | null>;
  write(handle: Address, transaction: number, path: string, text: string, length: number): Promise<boolean>;
  free(at: Address): void;
}

function load(): Xenstore {
  const store = SONAMES.map((name) => {
    try {
      return koffi.load(name);
    } catch {
      return undefined; // try the other one
    }
  }).find((library) => library !== undefined);
  if (store === undefined) throw new Error(`neither of ${SONAMES.join(', ')} can be loaded`);
  return {
    open: onThread(store.func('void *xs_open(unsigned long flags)')) as Xenstore['open'],
    close: onThread(store.func('void xs_close(void *handle)')) as Xenstore['close'],
    begin: onThread(store.func('uint32_t xs_transaction_start(void *handle)')) as Xenstore['begin'],
    end: onThread(
      store.func('bool xs_transaction_end(void *handle, uint32_t transaction, bool abort)'),
    ) as Xenstore['end'],
    read: onThread(
      store.func('void *xs_read(void *handle, uint32_t transaction, const char *path, _Out_ unsigned int *length)'),
    ) as Xenstore['read'],
    write: onThread(
      store.func(
        'bool xs_write(void *handle, uint32_t transaction, const char *path, const char *text, unsigned int length)',
      ),
    ) as Xenstore['write'],
    free: koffi.load('libc.so.6').func('void free(void *at)') as Xenstore['free'],
  };
}

let loaded: Xenstore | undefined;

/**
 * The process of a device model, and a step of a suspension that libxl leaves to its caller (xenstore.h;
 * docs/misc/xenstore-paths, `control/shutdown`): an aborted save leaves its request in xenstore, and a guest that reads it late
 * would suspend although it is no longer waited for.
 */
export function bindXenstore(): Pick<LibxlNative, 'withdrawSuspend' | 'deviceModelPid'> {
  return {
    withdrawSuspend: (domid) =>
      withStore((store, handle) => withdraw(store, handle, `/local/domain/${domid}/control/shutdown`)),
    deviceModelPid: (domid) =>
      withStore(async (store, handle) => {
        const text = await textOf(store, handle, NO_TRANSACTION, `/local/domain/${domid}/image/device-model-pid`);
        return text !== undefined && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
      }),
  };
}

async function withStore<T>(work: (store: Xenstore, handle: Address) => Promise<T>): Promise<T> {
  const store = (loaded ??= load());
  const handle = await store.open(0);
  if (handle === null) throw new Error('xenstore cannot be opened');
  try {
    return await work(store, handle);
  } finally {
    await store.close(handle);
  }
}

/** The guest takes the request in a transaction as well: so either the guest or we get it. */
async function withdraw(store: Xenstore, handle: Address, path: string): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const transaction = await store.begin(handle);
    if (transaction === 0) throw new Error('xenstore did not start a transaction');
    const isAsked = (await textOf(store, handle, transaction, path)) === SUSPEND;
    if (isAsked) await store.write(handle, transaction, path, '', 0);
    const isDone = await store.end(handle, transaction, !isAsked);
    if (!isAsked) return false;
    if (isDone) return true;
  }
  throw new Error(`${path} changes all the time`);
}

/** Empty where it is longer than anything that is looked for here; undefined where there is no such node. */
async function textOf(
  store: Xenstore,
  handle: Address,
  transaction: number,
  path: string,
): Promise<string | undefined> {
  const length: [number] = [0];
  const at = await store.read(handle, transaction, path, length);
  if (at === null) return undefined;
  try {
    return length[0] <= MAX_TEXT ? textAt(at, length[0]) : '';
  } finally {
    store.free(at);
  }
}
