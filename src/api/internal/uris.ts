export { resolveAlias } from '../../host/config/config.js';
export { DEFAULT_PORT, parseDestinationUri, parseListen } from '../../host/config/uri.js';
