export { DEFAULT_DEADLINES, type Deadlines } from '../../control/deadlines.js';
