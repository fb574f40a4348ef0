import { UsageError } from '../../errors/errors.js';
import {
  domainText,
  metadataOf,
  removeMetadata,
  setDomainText,
  setMetadata,
  type DomainText,
} from '../../operations/definition/metadata.js';
import { AFFECT, checkFlags, impactFlags, refOf, type Handlers } from './call.js';

/** virDomainMetadataType: the two texts by their numbers; 2 is an element. */
const TEXTS: readonly DomainText[] = ['description', 'title'];
const ELEMENT = 2;

function kindOf(type: number): DomainText | 'element' {
  const kind = type === ELEMENT ? 'element' : (TEXTS as readonly (DomainText | undefined)[])[type];
  if (kind === undefined) throw new UsageError('E_USAGE_LIBVIRT_ARGUMENT', `metadata of type ${type} is unknown`);
  return kind;
}

function needed(text: string | undefined, what: string): string {
  if (text !== undefined) return text;
  throw new UsageError('E_USAGE_LIBVIRT_ARGUMENT', `${what} of the metadata is missing`);
}

/** Titles, descriptions and elements of metadata (L10). */
export const metadataCalls = {
  domainGetMetadata: async ({ dom, type, uri, flags }, { host }) => {
    checkFlags(flags, AFFECT.live | AFFECT.config);
    const kind = kindOf(type);
    const impact = impactFlags(flags);
    if (kind !== 'element') return { metadata: await domainText(host, refOf(dom), kind, impact) };
    return { metadata: await metadataOf(host, { domain: refOf(dom), uri: needed(uri, 'the URI'), flags: impact }) };
  },
  domainSetMetadata: async ({ dom, type, metadata, key, uri, flags }, { host, signal }) => {
    checkFlags(flags, AFFECT.live | AFFECT.config);
    const kind = kindOf(type);
    const impact = impactFlags(flags);
    if (kind !== 'element') {
      await setDomainText(host, refOf(dom), { which: kind, text: metadata ?? '' }, impact, signal);
      return;
    }
    const request = { domain: refOf(dom), uri: needed(uri, 'the URI'), flags: impact };
    if (metadata === undefined) await removeMetadata(host, request, signal);
    else await setMetadata(host, request, { key: needed(key, 'the prefix'), xml: metadata }, signal);
  },
} satisfies Handlers;
