import { allocate, free, viewOf } from './c-memory.js';
import { onThread, type Library } from './foreign.js';

import type { Address, LibxlNative, OperationTag } from './native.js';
import { bindLate } from './optional-calls.js';

/** libxl_asyncop_how: a callback, NULL here, then what the event carries as `for_user` (libxl.h). */
const HOW_BYTES = 16;
const HOW_TAG_AT = 8;
/** The channel back to the sender is for checkpoints only (libxl_domain_create_restore). */
const NO_SEND_BACK = -1;

type Operations = Pick<
  LibxlNative,
  | 'create'
  | 'restore'
  | 'suspend'
  | 'resume'
  | 'suspendOnly'
  | 'softReset'
  | 'pause'
  | 'unpause'
  | 'shutdown'
  | 'reboot'
  | 'trigger'
  | 'setVcpuOnline'
  | 'coreDump'
  | 'destroy'
  | 'abort'
>;

/** A call that takes a domain and an asyncop_how, and nothing else. */
type DomainCall = [ctx: Address, domid: number, how: Address];

/**
 * Long calls (libxl.h). They get an asyncop_how, so that they can be aborted, and are made
 * on a thread, because libxl does the first part of the work within the call.
 */
export function bindOperations(libxl: Library, ctx: Address): Operations {
  const simple = (name: string): ((domid: number, tag: OperationTag) => Promise<number>) => {
    const call = onThread(libxl.func(`int ${name}(void *ctx, uint32_t domid, void *how)`)) as (
      ...args: DomainCall
    ) => Promise<number>;
    return (domid, tag) => withHow(tag, (how) => call(ctx, domid, how));
  };
  const create = onThread(
    libxl.func('int libxl_domain_create_new(void *ctx, void *config, void *domid, void *how, void *console_how)'),
  ) as (...args: [Address, Address, Address, Address, null]) => Promise<number>;
  const restore = onThread(
    libxl.func(
      'int libxl_domain_create_restore(void *ctx, void *config, void *domid, int fd, int send_back_fd, void *params, void *how, void *console_how)',
    ),
  ) as (...args: [Address, Address, Address, number, number, Address, Address, null]) => Promise<number>;
  const suspend = onThread(
    libxl.func('int libxl_domain_suspend(void *ctx, uint32_t domid, int fd, int flags, void *how)'),
  ) as (...args: [Address, number, number, number, Address]) => Promise<number>;
  const resume = onThread(
    libxl.func('int libxl_domain_resume(void *ctx, uint32_t domid, int suspend_cancel, void *how)'),
  ) as (...args: [Address, number, number, Address]) => Promise<number>;
  const trigger = bindLate(
    () =>
      onThread(
        libxl.func('int libxl_send_trigger(void *ctx, uint32_t domid, int trigger, uint32_t vcpu, void *how)'),
      ) as (...args: [Address, number, number, number, Address]) => Promise<number>,
  );
  const setVcpuOnline = bindLate(
    () =>
      onThread(libxl.func('int libxl_set_vcpuonline(void *ctx, uint32_t domid, void *map, void *how)')) as (
        ...args: [Address, number, Address, Address]
      ) => Promise<number>,
  );
  const coreDump = bindLate(
    () =>
      onThread(libxl.func('int libxl_domain_core_dump(void *ctx, uint32_t domid, str path, void *how)')) as (
        ...args: [Address, number, string, Address]
      ) => Promise<number>,
  );
  const suspendOnly = bindLate(() => simple('libxl_domain_suspend_only'));
  const softReset = bindLate(
    () =>
      onThread(
        libxl.func(
          'int libxl_domain_soft_reset(void *ctx, void *config, uint32_t domid, void *how, void *console_how)',
        ),
      ) as (...args: [Address, Address, number, Address, null]) => Promise<number>,
  );
  const abort = onThread(libxl.func('int libxl_ao_abort(void *ctx, void *how)')) as (
    ...args: [Address, Address]
  ) => Promise<number>;

  return {
    create: (config, domidOut, tag) => withHow(tag, (how) => create(ctx, config, domidOut, how, null)),
    restore: (config, domidOut, fd, params, tag) =>
      withHow(tag, (how) => restore(ctx, config, domidOut, fd, NO_SEND_BACK, params, how, null)),
    suspend: (domid, fd, flags, tag) => withHow(tag, (how) => suspend(ctx, domid, fd, flags, how)),
    resume: (domid, suspendCancel, tag) => withHow(tag, (how) => resume(ctx, domid, suspendCancel ? 1 : 0, how)),
    suspendOnly,
    softReset: (domid, config, tag) => withHow(tag, (how) => softReset(ctx, config, domid, how, null)),
    pause: simple('libxl_domain_pause'),
    unpause: simple('libxl_domain_unpause'),
    shutdown: simple('libxl_domain_shutdown'),
    reboot: simple('libxl_domain_reboot'),
    trigger: (domid, kind, tag) => withHow(tag, (how) => trigger(ctx, domid, kind, 0, how)),
    setVcpuOnline: (domid, online, tag) => withHow(tag, (how) => setVcpuOnline(ctx, domid, online, how)),
    coreDump: (domid, path, tag) => withHow(tag, (how) => coreDump(ctx, domid, path, how)),
    destroy: simple('libxl_domain_destroy'),
    abort: (tag) => withHow(tag, (how) => abort(ctx, how)),
  };
}

/** Lends an asyncop_how that puts the tag into its event; libxl copies it before the call returns. */
export async function withHow(tag: OperationTag, call: (how: Address) => Promise<number>): Promise<number> {
  const how = allocate(HOW_BYTES);
  try {
    viewOf(how, HOW_BYTES).setBigUint64(HOW_TAG_AT, tag, true);
    return await call(how);
  } finally {
    free(how);
  }
}
