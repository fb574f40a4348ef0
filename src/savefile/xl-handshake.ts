/*
 * The messages that `xl migrate` and `xl migrate-receive` exchange besides the save file's head and
 * the stream. The banner is not followed by a NUL, the others are. Source: Xen, tools/xl/xl.h and
 * tools/xl/xl_migrate.c.
 *
 *   receiver: banner            sender: head with the configuration, libxl stream
 *   receiver: ready             sender: go          (from here on the guest is the receiver's)
 *   receiver: report, a byte    0: it runs; anything else: it does not, and once the receiver has
 *                               removed its copy it sends go to the sender
 */

const words = (text: string): Buffer => Buffer.from(text, 'latin1');

/** The receiver's first line, without its line feed. */
export const XL_BANNER_LINE = 'xl migration receiver ready, send binary domain data.';
export const XL_BANNER = words(`${XL_BANNER_LINE}\n`);
/** The receiver has restored the guest, paused. */
export const XL_READY = words('domain received, ready to unpause\0');
/** Whichever side receives this may let its copy run. */
export const XL_GO = words('domain is yours, you are cleared to unpause\0');
/** A status byte follows. */
export const XL_REPORT = words('my copy unpause results are as follows\0');

/** What xl adds to the name of an arriving guest. */
export const XL_INCOMING_SUFFIX = '--incoming';
