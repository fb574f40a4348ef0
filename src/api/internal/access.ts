export { AccessRules } from '../../host/access/access-rules.js';
export { RevocationMemory } from '../../host/access/revocation-memory.js';
