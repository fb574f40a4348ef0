import type { Toolstack } from '../toolstack.js';
import { LibxlToolstack } from './libxl-toolstack.js';
import { runningRelease } from './release.js';

/**
 * Opens this machine's Xen host.
 * @param stays whether this process is long-lived: then it keeps an agent ready for the next transfer
 * @throws RefusedError E_REFUSED_NO_XEN, E_REFUSED_XEN_RELEASE, E_REFUSED_NO_LIBXL; ToolstackError E_TOOLSTACK_CONTEXT
 */
export async function openLibxl(stays = false, signal?: AbortSignal): Promise<Toolstack> {
  runningRelease();
  const toolstack = new LibxlToolstack();
  try {
    await toolstack.host(signal); // a failure is reported now
    if (stays) toolstack.keepSpare();
  } catch (error) {
    await toolstack[Symbol.asyncDispose]();
    throw error;
  }
  return toolstack;
}

/** Whether this machine runs Xen, for the default connection. */
export function isXenHost(): boolean {
  try {
    runningRelease();
    return true;
  } catch {
    return false; // reported in full when xen:///system is requested explicitly
  }
}
