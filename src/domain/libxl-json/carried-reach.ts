import type { Definition } from '../definition/model.js';
import { fieldsBeyondXml, type BeyondXml } from './beyond-xml.js';
import { withSettings } from './xl-metadata.js';

/**
 * Resources of its host that a definition's settings for xl (`<xl:settings>`) give the guest: fields of libxl's JSON
 * that `carried-fields.ts` does not accept as they are. libxl gets the same fields whether they come in JSON or in XML,
 * so they are checked against the same list.
 * @throws UsageError `E_USAGE_DOMAIN_XML`, RefusedError `E_REFUSED_NOT_MAPPED` for an invalid setting
 */
export function carriedReach(definition: Definition): BeyondXml[] {
  const { vcpusMax, memoryMaxKiB } = definition;
  return fieldsBeyondXml(withSettings({}, definition), {
    b_info: { max_vcpus: vcpusMax, max_memkb: memoryMaxKiB },
  });
}
