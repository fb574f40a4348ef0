export { type DomainDetails, domainDetails, dumpXml } from '../../operations/lifecycle/details.js';
export { type Dom0Details, dom0Details } from '../../operations/lifecycle/dom0-details.js';
export { stateText } from '../../operations/running/state-text.js';
