import { parseDomainXml } from '../../domain/parse.js';
import type { SavedConfig } from '../../savefile/xl-header.js';
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
