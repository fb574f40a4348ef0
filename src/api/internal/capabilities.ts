export { formatCapabilities } from '../../host/capabilities/capabilities.js';
export { formatDomainCapabilities } from '../../host/capabilities/domain-capabilities.js';
