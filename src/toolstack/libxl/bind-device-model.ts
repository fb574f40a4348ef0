import type { Library } from './foreign.js';
import type { Address, LibxlNative } from './native.js';
import { bindLate } from './optional-calls.js';
import { RC_FAIL, RC_OK } from './return-code.js';

/** Its interface is stable: one soname, and since 4.10 this call (xendevicemodel.h). */
export const DEVICE_MODEL_LIBRARY = 'libxendevicemodel.so.1';

/**
 * Does what a device model does when a guest resets its machine. libxl has a trigger for it, which Xen on x86 does not
 * implement (XEN_DOMCTL_sendtrigger).
 * @param load opens the library; called at the first use, since few processes need it
 */
export function bindDeviceModel(load: () => Library): Pick<LibxlNative, 'forceShutdown'> {
  const forceShutdown = bindLate((): ((domid: number, reason: number) => number) => {
    const library = load();
    const open = library.func('void *xendevicemodel_open(void *logger, unsigned int flags)') as (
      ...args: [null, number]
    ) => Address | null;
    const shutdown = library.func('int xendevicemodel_shutdown(void *handle, uint16_t domid, unsigned int reason)') as (
      ...args: [Address, number, number]
    ) => number;
    let handle: Address | null = null;
    return (domid, reason) => {
      handle ??= open(null, 0); // kept for the life of the process; after a failure the next call tries again
      return handle !== null && shutdown(handle, domid, reason) === 0 ? RC_OK : RC_FAIL;
    };
  });
  return { forceShutdown };
}
