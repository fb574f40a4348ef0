export { openDestination } from '../../migration/connect/open-destination.js';
