import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatDomainXml } from '../../domain/format.js';
import { parseDomainXml } from '../../domain/parse.js';
import { InvariantError } from '../../errors/errors.js';
import type { GuestConfig } from '../toolstack.js';
import { readIfThere, replaceFile } from './atomic-file.js';

const XML_FILE = 'config.xml';
const NATIVE_FILE = 'native.json';

/** The configuration that the domain was made from, as kept in its folder. */
export function readConfig(folder: string): GuestConfig {
  const xml = readIfThere(join(folder, XML_FILE));
  if (xml === undefined) throw new InvariantError(`${folder} has no ${XML_FILE}`);
  const text = readIfThere(join(folder, NATIVE_FILE));
  return {
    domain: parseDomainXml(xml, { trust: 'stored' }),
    ...(text === undefined ? {} : { native: { format: 'libxl-json', text } }),
  };
}

/** Stores the configuration that the domain was made from. */
export function writeConfig(folder: string, config: GuestConfig): void {
  replaceFile(join(folder, XML_FILE), formatDomainXml(config.domain));
  if (config.native !== undefined) replaceFile(join(folder, NATIVE_FILE), config.native.text);
}

/** Replaces the domain's configuration; the toolstack's own form is dropped, since it no longer matches. */
export function changeConfig(folder: string, domain: GuestConfig['domain']): void {
  writeConfig(folder, { domain });
  rmSync(join(folder, NATIVE_FILE), { force: true });
}
