import type { Definition } from '../definition/model.js';
import { fieldsBeyondXml, type BeyondXml } from './beyond-xml.js';
import { withSettings } from './xl-metadata.js';

/**
 * What a definition's settings for xl (`<xl:settings>`) give the guest of its host: fields of libxl's JSON that the list of
 * `carried-fields.ts` does not let pass as they are. libxl is given the same fields whether they come in JSON or in XML, and they are
 * held against the same list.
 * @throws UsageError `E_USAGE_DOMAIN_XML`, RefusedError `E_REFUSED_NOT_MAPPED` for what is no setting of such a guest
 */
export function carriedReach(definition: Definition): BeyondXml[] {
  const { vcpusMax, memoryMaxKiB } = definition;
  return fieldsBeyondXml(withSettings({}, definition), {
    b_info: { max_vcpus: vcpusMax, max_memkb: memoryMaxKiB },
  });
}
