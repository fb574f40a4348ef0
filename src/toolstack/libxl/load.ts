import koffi from '../../posix/koffi.js';
import { RefusedError, ToolstackError } from '../../errors/errors.js';
import { bindCalls } from './bind-calls.js';
import { bindDevices } from './bind-devices.js';
import { bindDeviceModel, DEVICE_MODEL_LIBRARY } from './bind-device-model.js';
import { bindEvents } from './bind-events.js';
import { bindOperations } from './bind-operations.js';
import { lackingAbilities } from './optional-calls.js';
import { bindXenstore } from './bind-xenstore.js';
import { bindTuning } from './bind-tuning.js';
import type { Library } from './foreign.js';
import type { Address, LibxlNative } from './native.js';
import { librariesOf } from './release.js';
import { nameOfReturnCode, RC_OK } from './return-code.js';

/** xentoollog.h: XTL_DEBUG, and progress in lines of its own. */
const XTL_DEBUG = 1;
const XTL_STDIOSTREAM_PROGRESS_NO_CR = 0o20;

/** LIBXL_VERSION, which has been 0 in every release (libxl.h). */
const LIBXL_VERSION = 0;

/**
 * Loads a release's libxl and opens a context on it, which lives as long as the process. The process must
 * have no other children: libxl reaps every child (libxl_event.h, libxl_sigchld_owner_libxl).
 * @param logFd where libxl logs, line by line; stays the caller's, open as long as the process lives
 * @throws RefusedError E_REFUSED_NO_LIBXL; ToolstackError E_TOOLSTACK_CONTEXT
 */
export function loadLibxl(release: string, logFd: number): LibxlNative {
  const names = librariesOf(release);
  const toollog = open(names.toollog, release);
  const libxl = open(names.libxl, release);
  const ctx = openContext(libxl, openLogger(toollog, logFd));
  return {
    release,
    lacks: lackingAbilities(libxl),
    ...bindCalls(libxl, ctx),
    ...bindOperations(libxl, ctx),
    ...bindTuning(libxl, ctx),
    ...bindDevices(libxl, ctx),
    ...bindEvents(libxl, ctx),
    ...bindDeviceModel(() => open(DEVICE_MODEL_LIBRARY, release)),
    ...bindXenstore(),
  };
}

function open(name: string, release: string): Library {
  try {
    return koffi.load(name);
  } catch (cause) {
    throw new RefusedError('E_REFUSED_NO_LIBXL', `Xen ${release} runs here, but its ${name} cannot be loaded`, {
      cause,
      hint: `Install the toolstack of Xen ${release} (on Debian: xen-utils-${release}).`,
    });
  }
}

function openLogger(toollog: Library, fd: number): Address {
  const libc = koffi.load('libc.so.6');
  const fdopen = libc.func('void *fdopen(int fd, const char *mode)') as (...args: [number, string]) => Address | null;
  const create = toollog.func('void *xtl_createlogger_stdiostream(void *file, int min_level, unsigned int flags)') as (
    ...args: [Address, number, number]
  ) => Address | null;
  const file = fdopen(fd, 'w');
  const logger = file === null ? null : create(file, XTL_DEBUG, XTL_STDIOSTREAM_PROGRESS_NO_CR);
  if (logger === null) throw new ToolstackError('E_TOOLSTACK_CONTEXT', 'no logger could be made for libxl');
  return logger;
}

function openContext(libxl: Library, logger: Address): Address {
  const allocate = libxl.func(
    'int libxl_ctx_alloc(_Out_ void **ctx, int version, unsigned int flags, void *logger)',
  ) as (...args: [[Address | null], number, number, Address]) => number;
  const out: [Address | null] = [null];
  const rc = allocate(out, LIBXL_VERSION, 0, logger);
  if (rc !== RC_OK || out[0] === null) {
    throw new ToolstackError('E_TOOLSTACK_CONTEXT', `libxl did not return a context (ERROR_${nameOfReturnCode(rc)})`, {
      hint: 'Run as root in domain 0, and check that xenstored runs (xl list shows more).',
      data: { rc },
    });
  }
  return out[0];
}
