import type { Prepare } from '../control/messages.js';
import { agreeStreamVersion, checkCookieMatches, eatCookie } from '../cookie/cookie.js';
import { definitionDifferences } from '../domain/definition/differences.js';
import type { Device } from '../domain/definition/devices/device.js';
import type { Definition } from '../domain/definition/model.js';
import { readDefinition } from '../domain/definition/read.js';
import { toDomain } from '../domain/definition/write.js';
import type { BeyondXml } from '../domain/libxl-json/beyond-xml.js';
import { namesOf, readNative } from '../domain/libxl-json/native-reading.js';
import type { Domain } from '../domain/model.js';
import { withName } from '../domain/names.js';
import { parseDomainXml } from '../domain/parse.js';
import { ProtocolError, RefusedError } from '../errors/errors.js';
import { parseBigJson } from '../toolstack/libxl/big-json.js';

/** What a source has sent of its guest before the guest itself. */
export interface SentGuest {
  /** The domain that would run, under its name here. Read from the toolstack's own configuration if that was sent. */
  readonly domain: Domain;
  /** Fields of that configuration that the domain does not contain and that may affect this host. */
  readonly reaching: readonly BeyondXml[];
  /** The definition to store; undefined: none. */
  readonly definition: Domain | undefined;
  readonly streamVersion: number;
}

/**
 * Reads a `prepare`, whose parts have to be about one guest.
 * @param streamVersions of save streams that this host reads
 * @throws ProtocolError if they are not, or if no stream version is common; RefusedError `E_REFUSED_NATIVE_FIELDS`,
 * `E_REFUSED_NATIVE_DIFFERS`; errors of the parsers of XML, JSON and cookie
 */
export function readSentGuest(request: Prepare, streamVersions: readonly number[]): SentGuest {
  const sent = parseDomainXml(request.xml, { trust: 'peer' });
  const cookie = eatCookie(request.cookie === undefined ? undefined : Buffer.from(request.cookie, 'base64'));
  checkCookieMatches(cookie, sent);
  const { domain, reaching } =
    request.native === undefined ? { domain: sent, reaching: [] } : whatRuns(sent, request.native.text);
  const named = (one: Domain): Domain => (request.dname === undefined ? one : withName(one, request.dname));
  return {
    domain: named(domain),
    reaching,
    definition: request.persist === undefined ? undefined : named(definitionOf(request.persist.xml, sent)),
    streamVersion: agreeStreamVersion(cookie.streamVersion, streamVersions),
  };
}

/** The domain in the toolstack's own configuration. @throws RefusedError `E_REFUSED_NATIVE_DIFFERS` if the XML describes another guest */
function whatRuns(sent: Domain, native: string): Pick<SentGuest, 'domain' | 'reaching'> {
  const { definition: runs, reaching } = readNative(parseBigJson(native));
  const { definition: said } = readDefinition(sent, { lenient: true });
  const fields = definitionDifferences(said, runs);
  if (fields.length > 0) {
    throw new RefusedError(
      'E_REFUSED_NATIVE_DIFFERS',
      `the toolstack's configuration of ${sent.name} is not what its XML says: ${namesOf(fields)}`,
      {
        hint: 'Bring both hosts to the same release of xenferry; `migrate --xml FILE` at the source sends XML alone, which is then what runs.',
        data: { fields: fields.slice(0, 64) },
      },
    );
  }
  return { domain: toDomain(withXmlParts(runs, said)), reaching };
}

/** The domain that runs, with settings that only XML has, which the toolstack does not get. */
function withXmlParts(runs: Definition, said: Definition): Definition {
  const { name, uuid, metadata, title, description, foreign } = said;
  const isShared = (target: string): boolean =>
    said.devices.some((one) => one.kind === 'disk' && one.target === target && one.shareable);
  const devices = runs.devices.map((device): Device =>
    device.kind === 'disk' ? { ...device, shareable: isShared(device.target) } : device,
  );
  return { ...runs, name, uuid, metadata, title, description, foreign, devices };
}

/** The definition to store for a guest. @throws ProtocolError `E_PROTOCOL_DEFINITION` if it describes another guest */
function definitionOf(xml: string, sent: Domain): Domain {
  const definition = parseDomainXml(xml, { trust: 'peer' });
  if (definition.uuid === sent.uuid) return { ...definition, name: sent.name };
  throw new ProtocolError(
    'E_PROTOCOL_DEFINITION',
    `the definition to be kept is that of ${definition.uuid}, not of ${sent.uuid}`,
  );
}
