import { describe, expect, it } from 'vitest';
import {
  annotationsOf,
  formatAnnotations,
  parseAnnotations,
  withAnnotations,
} from '../../../src/domain/annotations.js';
import { bakeCookie } from '../../../src/cookie/cookie.js';
import { formatDomainXml } from '../../../src/domain/format.js';
import { intoNamespace, namespaceOf, outOfNamespace } from '../../../src/domain/metadata.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { readSentGuest } from '../../../src/dest/sent-guest.js';
import { decodeXlConfig, decodeXlHeader, encodeXlHead, XL_HEADER_BYTES } from '../../../src/savefile/xl-header.js';
import { guestConfigOf, savedConfig } from '../../../src/operations/saving/saved-config.js';
import { readConfig } from '../../../src/toolstack/libxl/domain-config.js';
import { formatXml } from '../../../src/xml/format.js';
import { parseXml } from '../../../src/xml/parse.js';
import { guestXml } from '../../support/hosts.js';
import { LIVE_CONFIGS } from './libxl-json/live-configs.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0111';
const METADATA =
  "<metadata><xl:settings xmlns:xl='urn:xenferry:xl:1'><xl:setting key='vpmu' value='1'/></xl:settings>" +
  "<app:owner xmlns:app='urn:app'><app:mail>a &amp; b</app:mail></app:owner></metadata>";
const ANNOTATED = guestXml({ uuid: UUID })
  .replace(/<metadata>[\s\S]*<\/metadata>/, METADATA)
  .replace(/<vcpu>/, '<title>Web</title><description>Two\nlines</description><vcpu>');
const LIVE = Object.values(LIVE_CONFIGS)[0];
const ANNOTATIONS = { title: 'Web', description: undefined, metadata: [parseXml("<a:b xmlns:a='urn:a'>c</a:b>")] };
const bare = (xml: string): string => xml.replace(/>\s+</g, '><');

describe('L10: title, description and metadata', () => {
  it('are the same after they were kept beside a domain, and put back', () => {
    const domain = parseDomainXml(ANNOTATED);
    const kept = annotationsOf(domain);
    if (kept === undefined) throw new Error('it has some');
    const text = formatAnnotations(kept);
    expect(text).not.toContain('vpmu');
    const again = withAnnotations(domain, parseAnnotations(text));
    expect(bare(formatDomainXml(again))).toBe(bare(formatDomainXml(domain)));
    const without = withAnnotations(domain, { metadata: [] });
    expect(annotationsOf(without)).toBeUndefined();
    expect(formatDomainXml(without)).toContain('vpmu');
  });

  it('are in a save file behind what xl reads, and come back from there', () => {
    const { domain, native } = readConfig(JSON.stringify(LIVE));
    const annotated = withAnnotations(domain, ANNOTATIONS);
    const saved = savedConfig({ domain: annotated, ...(native === undefined ? {} : { native }) });
    const head = Buffer.from(encodeXlHead(saved));
    // What xl reads: the length of the configuration, and so many bytes.
    const length = head.readUInt32LE(XL_HEADER_BYTES);
    const config = head.subarray(XL_HEADER_BYTES + 4, XL_HEADER_BYTES + 4 + length).toString();
    expect(config).toBe(`${native?.text}\0`);
    const { format, optionalBytes } = decodeXlHeader(head);
    expect(head.length).toBe(XL_HEADER_BYTES + optionalBytes);
    const read = guestConfigOf(decodeXlConfig(format, head.subarray(XL_HEADER_BYTES)));
    expect(formatDomainXml(read.domain)).toBe(formatDomainXml(annotated));
    expect(read.native).toEqual(native);
    // Whatever else may stand there is passed over.
    const other = Buffer.concat([head.subarray(XL_HEADER_BYTES, XL_HEADER_BYTES + 4 + length), Buffer.from('other')]);
    expect(decodeXlConfig(format, other).annotations).toBeUndefined();
  });

  it('go along with a migration beside the configuration of libxl', () => {
    const { domain, native } = readConfig(JSON.stringify(LIVE), { annotations: formatAnnotations(ANNOTATIONS) });
    expect(annotationsOf(domain)).toMatchObject({ title: 'Web' });
    if (native === undefined) throw new Error('it has one');
    const { name, uuid } = domain;
    const cookie = Buffer.from(bakeCookie({ name, uuid, hostname: 'hv1', streamVersion: 2 })).toString('base64');
    const xml = formatDomainXml(domain);
    const about = { migration: '4a1c9f0e-0000-4000-8000-0000000000ff', epoch: 1, lanes: 1, windowBytes: 1024 };
    const sent = readSentGuest({ type: 'prepare', ...about, xml, native, cookie }, [2]);
    expect(formatAnnotations(annotationsOf(sent.domain) ?? { metadata: [] })).toBe(formatAnnotations(ANNOTATIONS));
  });

  it('are elements of one namespace each', () => {
    const given = parseXml("<a><b c='1'>d</b><x:y xmlns:x='urn:x'/></a>");
    const moved = intoNamespace(given, 'urn:app', 'app');
    expect(namespaceOf(moved)).toBe('urn:app');
    expect(bare(formatXml(moved))).toBe(
      "<app:a xmlns:app='urn:app'><app:b c='1'>d</app:b><x:y xmlns:x='urn:x'/></app:a>\n",
    );
    expect(bare(formatXml(outOfNamespace(moved, 'urn:app')))).toBe(bare(formatXml(given)));
    const byDefault = parseXml("<a xmlns='urn:app'><b/></a>");
    expect(namespaceOf(byDefault)).toBe('urn:app');
    expect(bare(formatXml(outOfNamespace(byDefault, 'urn:app')))).toBe('<a><b/></a>\n');
  });
});
