export { FEATURES, type Hello, PROTOCOL } from '../../control/messages.js';
