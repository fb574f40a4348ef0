import { parseDomainXml } from '../../domain/parse.js';
import type { BeyondXml } from '../../domain/libxl-json/beyond-xml.js';
import { readNative } from '../../domain/libxl-json/native-reading.js';
import type { SavedConfig } from '../../savefile/xl-header.js';
import { parseBigJson } from '../../toolstack/libxl/big-json.js';
import { readConfig } from '../../toolstack/libxl/domain-config.js';
import type { GuestConfig } from '../../toolstack/toolstack.js';

/**
 * The configuration in the head of a save file or of xl's migration: domain XML, or libxl's JSON, which
 * is kept beside what is read from it. @throws UsageError, ProtocolError `E_PROTOCOL_LIBXL_JSON`
 */
export function guestConfigOf(saved: SavedConfig): GuestConfig {
  return saved.format === 'domain-xml'
    ? { domain: parseDomainXml(saved.text, { trust: 'stored' }) }
    : readConfig(saved.text);
}

/**
 * Looks at the configuration in a file that may come from anywhere: what runs of it has to be what hooks, leases and checks see.
 * @returns the fields that they do not see, since XML has no words for them, and that reach the host
 * @throws RefusedError `E_REFUSED_NATIVE_FIELDS` naming fields of which nothing is known
 */
export function unseenFields({ native }: GuestConfig): readonly BeyondXml[] {
  return native === undefined ? [] : readNative(parseBigJson(native.text)).reaching;
}
