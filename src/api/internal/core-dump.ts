export { dumpDomain } from '../../operations/saving/core-dump.js';
