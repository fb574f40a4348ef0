import { annotationsOf } from '../../domain/annotations.js';
import {
  checkMetadataKey,
  checkMetadataUri,
  intoNamespace,
  namespaceOf,
  outOfNamespace,
} from '../../domain/metadata.js';
import type { Domain } from '../../domain/model.js';
import { RefusedError, UsageError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import type { KnownDomain } from '../../host/registry/known-domain.js';
import type { XmlElement } from '../../xml/element.js';
import { formatXml } from '../../xml/format.js';
import { DEFAULT_XML_LIMITS, parseXml } from '../../xml/parse.js';
import { annotate, annotatedDomain } from './annotate.js';
import type { ImpactFlags } from './impact.js';

/** One element of metadata, in characters. */
const MAX_ELEMENT = 64 * 1024;
const MAX_TITLE = 1024;
const MAX_DESCRIPTION = 64 * 1024;

/** An element of a domain's metadata, by its namespace. */
export interface MetadataRequest {
  readonly domain: string;
  readonly uri: string;
  readonly flags: ImpactFlags;
}

function elementIn(domain: Domain, uri: string): XmlElement | undefined {
  return domain.metadata.find((child) => namespaceOf(child) === uri);
}

/** The element of that namespace, without it, as it was given. @throws RefusedError `E_REFUSED_NO_METADATA`; as `annotatedDomain` */
export async function metadataOf(host: Host, { domain: ref, uri, flags }: MetadataRequest): Promise<string> {
  checkMetadataUri(uri);
  const domain = await annotatedDomain(host, ref, flags);
  const found = elementIn(domain, uri);
  if (found === undefined) throw noMetadata(domain.name, uri);
  return formatXml(outOfNamespace(found, uri));
}

/**
 * Puts an element in the place of the one that the domain has in that namespace, if any.
 * @param xml the element, without the namespace @throws XmlError for what is none; as `annotate`
 */
export async function setMetadata(
  host: Host,
  { domain, uri, flags }: MetadataRequest,
  { key, xml }: { readonly key: string; readonly xml: string },
  signal: AbortSignal,
): Promise<KnownDomain> {
  checkMetadataUri(uri);
  const root = parseXml(xml, { ...DEFAULT_XML_LIMITS, maxChars: MAX_ELEMENT });
  const made = intoNamespace(root, uri, checkMetadataKey(key));
  if (namespaceOf(made) !== uri) {
    throw new UsageError('E_USAGE_METADATA', `<${root.name}> is in another namespace than ${uri}`, {
      hint: 'Give it without a namespace: --key and the URI make one.',
    });
  }
  const metadata = (now: Domain): XmlElement[] => [...without(now, uri), made];
  return annotate(host, domain, { what: { of: 'element', uri }, metadata }, flags, signal);
}

/** Takes the element of that namespace out. @throws RefusedError `E_REFUSED_NO_METADATA`; as `annotate` */
export async function removeMetadata(
  host: Host,
  { domain, uri, flags }: MetadataRequest,
  signal: AbortSignal,
): Promise<KnownDomain> {
  checkMetadataUri(uri);
  const metadata = (now: Domain): XmlElement[] => {
    if (elementIn(now, uri) === undefined) throw noMetadata(now.name, uri);
    return without(now, uri);
  };
  return annotate(host, domain, { what: { of: 'element', uri }, metadata }, flags, signal);
}

function without(domain: Domain, uri: string): XmlElement[] {
  return domain.metadata.filter((child) => namespaceOf(child) !== uri);
}

function noMetadata(name: string, uri: string): RefusedError {
  return new RefusedError('E_REFUSED_NO_METADATA', `domain ${name} has no metadata of the namespace ${uri}`, {
    hint: '`xenferry dumpxml` shows its metadata; --config looks at the definition, --live at what runs.',
    data: { uri },
  });
}

/** What people read of a domain. */
export type DomainText = 'title' | 'description';

/** Empty where it has none. @throws as `annotatedDomain` */
export async function domainText(host: Host, ref: string, which: DomainText, flags: ImpactFlags): Promise<string> {
  return annotationsOf(await annotatedDomain(host, ref, flags))?.[which] ?? '';
}

/** @param text empty: none from now on @throws UsageError `E_USAGE_METADATA`; as `annotate` */
export async function setDomainText(
  host: Host,
  ref: string,
  { which, text }: { readonly which: DomainText; readonly text: string },
  flags: ImpactFlags,
  signal: AbortSignal,
): Promise<KnownDomain> {
  const most = which === 'title' ? MAX_TITLE : MAX_DESCRIPTION;
  if (text.length > most) {
    throw new UsageError('E_USAGE_METADATA', `the ${which} has ${text.length} characters, more than ${most}`, {
      hint: 'Shorten it.',
    });
  }
  if (which === 'title' && /[\r\n]/.test(text)) {
    throw new UsageError('E_USAGE_METADATA', 'a title is one line', { hint: 'Put the rest into the description.' });
  }
  const texts = { [which]: text.trim() };
  return annotate(host, ref, { what: { of: which }, texts }, flags, signal);
}
