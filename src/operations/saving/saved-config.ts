import { annotationsOf, formatAnnotations } from '../../domain/annotations.js';
import { formatDomainXml } from '../../domain/format.js';
import { parseDomainXml } from '../../domain/parse.js';
import type { BeyondXml } from '../../domain/libxl-json/beyond-xml.js';
import { readNative } from '../../domain/libxl-json/native-reading.js';
import type { SavedConfig } from '../../savefile/xl-header.js';
import { parseBigJson } from '../../toolstack/libxl/big-json.js';
import { readConfig } from '../../toolstack/libxl/domain-config.js';
import type { GuestConfig } from '../../toolstack/toolstack.js';

/**
 * The configuration in the head of a save file or of xl's migration: domain XML, or libxl's JSON, which
 * is kept in addition to the domain that is read from it. @throws UsageError, XmlError, ProtocolError `E_PROTOCOL_LIBXL_JSON`
 */
export function guestConfigOf(saved: SavedConfig): GuestConfig {
  return saved.format === 'domain-xml'
    ? { domain: parseDomainXml(saved.text, { trust: 'stored' }) }
    : readConfig(saved.text, { annotations: saved.annotations });
}

/** The configuration as the head of a save file has it. */
export function savedConfig({ domain, native }: GuestConfig): SavedConfig {
  if (native === undefined) return { format: 'domain-xml', text: formatDomainXml(domain) };
  const annotations = annotationsOf(domain);
  return annotations === undefined ? native : { ...native, annotations: formatAnnotations(annotations) };
}

/**
 * Checks the configuration in an untrusted file: hooks, leases and checks have to see all of it that takes effect.
 * @returns the fields that they do not see, since XML cannot express them, and that affect the host
 * @throws RefusedError `E_REFUSED_NATIVE_FIELDS` naming unknown fields
 */
export function unseenFields({ native }: GuestConfig): readonly BeyondXml[] {
  return native === undefined ? [] : readNative(parseBigJson(native.text)).reaching;
}
