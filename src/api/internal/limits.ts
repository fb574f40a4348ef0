export { MAX_LEVEL, MIN_LEVEL } from '../../codec/levels.js';
export { MAX_LANES } from '../../tunnel/window.js';
