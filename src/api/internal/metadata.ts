export {
  domainText,
  type DomainText,
  metadataOf,
  removeMetadata,
  setDomainText,
  setMetadata,
} from '../../operations/definition/metadata.js';
