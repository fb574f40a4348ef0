import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isMissed } from '../../../../src/host/events/event.js';
import { define } from '../../../../src/operations/definition/define.js';
import {
  domainText,
  metadataOf,
  removeMetadata,
  setDomainText,
  setMetadata,
} from '../../../../src/operations/definition/metadata.js';
import { dumpXml } from '../../../../src/operations/lifecycle/details.js';
import { start } from '../../../../src/operations/lifecycle/start.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never } from '../../../support/local-host.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0110';
const APP = 'http://example.org/app';
const CURRENT = { live: false, config: false, current: false };
const LIVE = { ...CURRENT, live: true };
const CONFIG = { ...CURRENT, config: true };
const BOTH = { ...LIVE, config: true };

let local: LocalHost;
beforeEach(async () => {
  local = await LocalHost.make();
  await define(local.host, guestXml({ name: 'web', uuid: UUID, mib: 8 }), { validate: false, signal: never });
});
afterEach(async () => {
  await local[Symbol.asyncDispose]();
});

const run = (): Promise<unknown> =>
  start(local.host, 'web', { paused: false, forceBoot: false, signal: never, onEvent: () => undefined });
const set = (flags: typeof LIVE, xml: string, key = 'app', uri = APP): Promise<unknown> =>
  setMetadata(local.host, { domain: 'web', uri, flags }, { key, xml }, never);
const get = (flags: typeof LIVE, uri = APP): Promise<string> => metadataOf(local.host, { domain: 'web', uri, flags });

describe('L10: metadata of a domain', () => {
  it('holds one element of a namespace, given and shown without it, for what runs and for the definition', async () => {
    await run();
    await set(LIVE, '<owner><mail>a@b</mail></owner>');
    await expect(get(CONFIG)).rejects.toMatchObject({ code: 'E_REFUSED_NO_METADATA' });
    expect(await get(CURRENT)).toBe('<owner>\n  <mail>a@b</mail>\n</owner>\n');
    expect(await dumpXml(local.host, 'web')).toContain(`<app:owner xmlns:app='${APP}'>`);
    await set(BOTH, "<owner id='2'/>", 'other');
    expect(await get(LIVE)).toBe("<owner id='2'/>\n");
    expect(await get(CONFIG)).toBe("<owner id='2'/>\n");
    const xml = await dumpXml(local.host, 'web', { inactive: true });
    expect(xml.match(/example\.org/g)).toHaveLength(1);
    await removeMetadata(local.host, { domain: 'web', uri: APP, flags: LIVE }, never);
    await expect(get(LIVE)).rejects.toMatchObject({ code: 'E_REFUSED_NO_METADATA' });
    expect(await get(CONFIG)).toBe("<owner id='2'/>\n");
    await expect(removeMetadata(local.host, { domain: 'web', uri: APP, flags: LIVE }, never)).rejects.toMatchObject({
      code: 'E_REFUSED_NO_METADATA',
    });
  });

  it('is told, with the namespace', async () => {
    const events = local.host.events.subscribe();
    await set(CONFIG, '<a/>');
    await setDomainText(local.host, 'web', { which: 'title', text: 'The web' }, CONFIG, never);
    const told: unknown[] = [];
    for await (const event of events) {
      if (!isMissed(event)) told.push(event.what);
      if (told.length === 2) break;
    }
    expect(told).toEqual([
      { type: 'metadata-change', of: 'element', uri: APP },
      { type: 'metadata-change', of: 'title' },
    ]);
  });

  it.each([
    ['<a>', 'app', APP, /E_XML|unclosed|malformed/i],
    ['<a/>', 'xmlns', APP, /prefix/],
    ['<a/>', 'a b', APP, /prefix/],
    ['<a/>', 'app', '', /URI/],
    ['<a/>', 'app', 'a b', /URI/],
    ["<a xmlns='urn:other'/>", 'app', APP, /another namespace/],
    [`<a>${'x'.repeat(70_000)}</a>`, 'app', APP, /65536|larger|characters|long/i],
  ])('refuses what is none: %.20s', async (xml, key, uri, why) => {
    const error: unknown = await set(CONFIG, xml, key, uri).catch((reason: unknown) => reason);
    expect(`${(error as { code: string }).code} ${String(error)}`).toMatch(why);
    expect((await dumpXml(local.host, 'web')).includes('urn:other')).toBe(false);
  });

  it('is bounded as a whole', async () => {
    const big = `<a>${'x'.repeat(60_000)}</a>`;
    for (const n of [1, 2, 3, 4]) await set(CONFIG, big, 'app', `urn:n:${n}`);
    await expect(set(CONFIG, big, 'app', 'urn:n:5')).rejects.toMatchObject({ code: 'E_USAGE_METADATA' });
    await expect(get(CONFIG, 'urn:n:5')).rejects.toMatchObject({ code: 'E_REFUSED_NO_METADATA' });
  });

  it('leaves the settings for xl of a running guest alone, and checks those of its definition', async () => {
    await run();
    const XL = 'urn:xenferry:xl:1';
    const setting = "<settings><setting key='on_soft_reset' value='preserve'/></settings>";
    await expect(set(LIVE, setting, 'xl', XL)).rejects.toMatchObject({ code: 'E_REFUSED_UNSUPPORTED' });
    await set(CONFIG, setting, 'xl', XL);
    expect(await dumpXml(local.host, 'web', { inactive: true })).toContain("value='preserve'");
  });
});

describe('L10: title and description', () => {
  it('are set and unset, for what runs and for the definition', async () => {
    await run();
    const text = (which: 'title' | 'description', flags: typeof LIVE): Promise<string> =>
      domainText(local.host, 'web', which, flags);
    const change = (which: 'title' | 'description', to: string, flags: typeof LIVE): Promise<unknown> =>
      setDomainText(local.host, 'web', { which, text: to }, flags, never);
    expect(await text('title', CURRENT)).toBe('');
    await change('title', 'Web server', LIVE);
    await change('description', 'Two\nlines & more', BOTH);
    expect(await text('title', CURRENT)).toBe('Web server');
    expect(await text('title', CONFIG)).toBe('');
    expect(await text('description', CONFIG)).toBe('Two\nlines & more');
    // Another process sees them, too.
    const again = await local.open();
    expect(await domainText(again, 'web', 'title', LIVE)).toBe('Web server');
    await change('title', '', LIVE);
    expect(await text('title', LIVE)).toBe('');
    expect(await text('description', LIVE)).toBe('Two\nlines & more');
    await expect(change('title', 'two\nlines', LIVE)).rejects.toMatchObject({ code: 'E_USAGE_METADATA' });
    await expect(change('title', 'x'.repeat(2000), LIVE)).rejects.toMatchObject({ code: 'E_USAGE_METADATA' });
    await expect(text('title', BOTH)).rejects.toMatchObject({ code: 'E_USAGE_IMPACT' });
  });
});
