import type { ErrorCode } from '../errors/codes.js';
import { ProtocolError, RefusedError } from '../errors/errors.js';
import { messageOf } from '../errors/message-of.js';
import { childNamed, element, textOf, type XmlElement } from '../xml/element.js';
import { formatXml } from '../xml/format.js';
import { parseXml } from '../xml/parse.js';

/*
 * The migration cookie, which Begin passes to Prepare. Its form is that of libvirt's libxl driver (S01,
 * facts 2.2): an XML document with a trailing NUL that counts in its length. Unknown elements
 * are ignored, so that the cookie can be extended.
 */

/** Far more than any cookie; checked before anything is parsed. */
const MAX_COOKIE_BYTES = 64 * 1024;
/** Without a cookie, or in one from before the element existed: the stream is of version 1. */
const VERSION_WITHOUT_COOKIE = 1;
const MAX_VERSION = 0xffff_ffff;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** The element with xenferry's own data, which other readers ignore. */
const EXTENSION = 'xenferry';
const EXTENSION_NS = 'urn:xenferry:cookie:1';

/** What the source states about itself and the domain. */
export interface CookieContent {
  readonly name: string;
  readonly uuid: string;
  /** The source's host name. */
  readonly hostname: string;
  readonly streamVersion: number;
  readonly extension?: Readonly<Record<string, string>> | undefined;
}

/** A parsed cookie. Without a cookie, only the version is known. */
export interface Cookie {
  readonly name: string | undefined;
  readonly uuid: string | undefined;
  readonly streamVersion: number;
  readonly extension: Readonly<Record<string, string>>;
}

/** The cookie's bytes, NUL included. */
export function bakeCookie(content: CookieContent): Uint8Array {
  const root = element('libxl-migration', {}, [
    element('name', {}, [content.name]),
    element('uuid', {}, [content.uuid]),
    element('hostname', {}, [content.hostname]),
    element('migration-stream-version', {}, [String(content.streamVersion)]),
    ...(content.extension === undefined ? [] : [element(EXTENSION, { xmlns: EXTENSION_NS, ...content.extension })]),
  ]);
  return new TextEncoder().encode(`${formatXml(root)}\0`);
}

/** Reads a cookie; undefined bytes: the peer sent none. @throws ProtocolError `E_PROTOCOL_COOKIE_*` */
export function eatCookie(bytes: Uint8Array | undefined): Cookie {
  if (bytes === undefined) {
    return { name: undefined, uuid: undefined, streamVersion: VERSION_WITHOUT_COOKIE, extension: {} };
  }
  const root = parse(bytes);
  const uuid = required(root, 'uuid');
  if (!UUID.test(uuid)) throw bad('E_PROTOCOL_COOKIE_UUID', `uuid ${JSON.stringify(uuid)} is not a UUID`);
  return {
    name: required(root, 'name'),
    uuid: uuid.toLowerCase(),
    streamVersion: version(required(root, 'migration-stream-version')),
    extension: extensionOf(root),
  };
}

function bad(code: ErrorCode, why: string, cause?: unknown): ProtocolError {
  return new ProtocolError(code, `migration cookie: ${why}`, { cause });
}

function parse(bytes: Uint8Array): XmlElement {
  if (bytes.length === 0) throw bad('E_PROTOCOL_COOKIE_EMPTY', 'it is empty');
  if (bytes.length > MAX_COOKIE_BYTES)
    throw bad('E_PROTOCOL_COOKIE_TOO_LARGE', `${bytes.length} bytes are over the limit ${MAX_COOKIE_BYTES}`);
  if (bytes[bytes.length - 1] !== 0) throw bad('E_PROTOCOL_COOKIE_NO_NUL', 'it does not end with a NUL');
  let root: XmlElement;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, -1));
    root = parseXml(text, { maxChars: MAX_COOKIE_BYTES, maxDepth: 8, maxElements: 256, maxAttributes: 32 });
  } catch (error) {
    throw bad('E_PROTOCOL_COOKIE_XML', messageOf(error), error);
  }
  if (root.name !== 'libxl-migration')
    throw bad('E_PROTOCOL_COOKIE_ROOT', `its root is <${root.name}>, not <libxl-migration>`);
  return root;
}

function required(root: XmlElement, name: string): string {
  const child = childNamed(root, name);
  const text = child === undefined ? '' : textOf(child);
  if (text === '') throw bad('E_PROTOCOL_COOKIE_MISSING', `<${name}> is missing`);
  return text;
}

function version(text: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > MAX_VERSION)
    throw bad('E_PROTOCOL_COOKIE_VERSION', `migration-stream-version ${JSON.stringify(text)} is not a version`);
  return value;
}

function extensionOf(root: XmlElement): Record<string, string> {
  const own = childNamed(root, EXTENSION);
  if (own?.attributes.get('xmlns') !== EXTENSION_NS) return {};
  return Object.fromEntries([...own.attributes].filter(([name]) => name !== 'xmlns'));
}

/**
 * The stream version to restore with.
 * @param readable what the toolstack can restore
 * @throws RefusedError `E_REFUSED_STREAM_VERSION` naming both numbers
 */
export function agreeStreamVersion(offered: number, readable: readonly number[]): number {
  if (readable.includes(offered)) return offered;
  throw new RefusedError(
    'E_REFUSED_STREAM_VERSION',
    `the source sends save stream version ${offered}, this host supports ${readable.join(', ')}`,
    { hint: 'Bring the older of the two hosts up to date.', data: { offered, readable: readable.map(String) } },
  );
}

/** Checks that the cookie and the XML describe the same domain (before it gets a new name). @throws ProtocolError */
export function checkCookieMatches(cookie: Cookie, domain: { readonly name: string; readonly uuid: string }): void {
  if (cookie.uuid !== undefined && cookie.uuid !== domain.uuid) {
    throw bad('E_PROTOCOL_COOKIE_MISMATCH', `it names uuid ${cookie.uuid}, the domain XML ${domain.uuid}`);
  }
  if (cookie.name !== undefined && cookie.name !== domain.name) {
    throw bad(
      'E_PROTOCOL_COOKIE_MISMATCH',
      `it names domain ${JSON.stringify(cookie.name)}, the domain XML ${JSON.stringify(domain.name)}`,
    );
  }
}
