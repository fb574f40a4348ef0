export { openToRead, readAvailable } from '../../posix/input/read-sync.js';
export { isOpenAs } from '../../posix/named-file.js';
export { decodeXml } from '../../xml/decode.js';
