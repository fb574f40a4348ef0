export { checkOneStyle } from '../../host/registry/list-filter.js';
