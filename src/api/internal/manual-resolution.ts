export { RISK, type Keep } from '../../migration/recover/manual-resolution.js';
export { recoverByHand } from '../../migration/recover/recover.js';
