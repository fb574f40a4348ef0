export { makeFolder } from '../../posix/folder.js';
