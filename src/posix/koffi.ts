import koffi from 'koffi';

/*
 * koffi takes settings only before the first library is loaded, so all modules import it from here. It runs
 * C functions on stacks of its own, of 128 KiB in asynchronous calls: too little for libxl, which builds
 * domains and walks xenstore on them.
 */
const STACK_BYTES = 4 * 1024 * 1024;

koffi.config({ sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES });

export default koffi;
