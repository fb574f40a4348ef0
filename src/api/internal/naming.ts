export { renameDomain } from '../../operations/definition/rename.js';
