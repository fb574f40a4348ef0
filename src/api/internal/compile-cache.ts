/* For the command line: loaded before anything else. */
export { enableCompileCache } from '../../posix/compile-cache.js';
