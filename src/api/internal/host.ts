export type { Host } from '../../host/host.js';
export { DOMAIN0, isDomain0, type KnownDomain } from '../../host/registry/known-domain.js';
