import type { Prepare } from '../control/messages.js';
import { agreeStreamVersion, checkCookieMatches, eatCookie } from '../cookie/cookie.js';
import type { Domain } from '../domain/model.js';
import { withName } from '../domain/names.js';
import { parseDomainXml } from '../domain/parse.js';
import { ProtocolError } from '../errors/errors.js';

/** What a source has sent of its guest before the guest itself. */
export interface SentGuest {
  /** Under the name that it is to have here. */
  readonly domain: Domain;
  /** What is to be kept of it beyond its runs; undefined: nothing. */
  readonly definition: Domain | undefined;
  readonly streamVersion: number;
}

/**
 * Reads a `prepare`, whose parts have to be about one guest.
 * @param streamVersions of save streams that this host reads
 * @throws ProtocolError where they are not, or where no stream version is common; what the parsers of XML and cookie throw
 */
export function readSentGuest(request: Prepare, streamVersions: readonly number[]): SentGuest {
  const sent = parseDomainXml(request.xml, { trust: 'peer' });
  const cookie = eatCookie(request.cookie === undefined ? undefined : Buffer.from(request.cookie, 'base64'));
  checkCookieMatches(cookie, sent);
  const named = (one: Domain): Domain => (request.dname === undefined ? one : withName(one, request.dname));
  return {
    domain: named(sent),
    definition: request.persist === undefined ? undefined : named(definitionOf(request.persist.xml, sent)),
    streamVersion: agreeStreamVersion(cookie.streamVersion, streamVersions),
  };
}

/** What is to be kept of a guest, from the source. @throws ProtocolError `E_PROTOCOL_DEFINITION` where it is another guest's */
function definitionOf(xml: string, sent: Domain): Domain {
  const definition = parseDomainXml(xml, { trust: 'peer' });
  if (definition.uuid === sent.uuid) return { ...definition, name: sent.name };
  throw new ProtocolError(
    'E_PROTOCOL_DEFINITION',
    `the definition to be kept is that of ${definition.uuid}, not of ${sent.uuid}`,
  );
}
