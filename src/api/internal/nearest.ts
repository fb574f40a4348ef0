export { nearest } from '../../host/config/nearest.js';
