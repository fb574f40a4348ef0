export { checkConfig } from '../../host/config/check-config.js';
