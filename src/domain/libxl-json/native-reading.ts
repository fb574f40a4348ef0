import { RefusedError } from '../../errors/errors.js';
import { readDefinition } from '../definition/read.js';
import type { Definition } from '../definition/model.js';
import { toDomain } from '../definition/write.js';
import { formatDomainXml } from '../format.js';
import { parseDomainXml } from '../parse.js';
import { fieldsBeyondXml, type BeyondXml } from './beyond-xml.js';
import { fromLibxlConfig } from './from-libxl.js';
import { configSchema } from './schema.js';
import { unreadValues } from './unread-values.js';

/** The effect of a configuration in libxl's JSON. */
export interface NativeReading {
  /** As read from its domain XML, so that every reader of that XML sees the same. */
  readonly definition: Definition;
  /** Fields that the definition does not contain and that may affect the host. */
  readonly reaching: readonly BeyondXml[];
}

/** Most names of fields in one message. */
const MOST_NAMED = 12;

/**
 * Reads libxl_domain_config's JSON, already parsed, without ignoring any field: each is in the definition, or in
 * `carried-fields.ts`.
 * @throws ProtocolError `E_PROTOCOL_LIBXL_JSON`; RefusedError `E_REFUSED_NATIVE_FIELDS` naming the fields that are in
 * neither
 */
export function readNative(json: unknown): NativeReading {
  const { definition } = fromLibxlConfig(json);
  const config = configSchema.parse(json);
  const beyond = fieldsBeyondXml(json, config);
  const unread = [...beyond.filter(({ kind }) => kind === 'unknown').map(({ path }) => path), ...unreadValues(config)];
  const seen = throughXml(definition);
  unread.push(...seen.devices.flatMap((device) => (device.kind === 'opaque' ? [`a device: ${device.why}`] : [])));
  if (unread.length > 0) throw refusedFields(definition.name, unread);
  return { definition: seen, reaching: beyond.filter(({ kind }) => kind === 'reaches') };
}

/** The definition as others see it, which is XML: settings that XML cannot express are dropped. */
function throughXml(definition: Definition): Definition {
  const domain = parseDomainXml(formatDomainXml(toDomain(definition)), { trust: 'stored' });
  return readDefinition(domain, { lenient: true }).definition;
}

function refusedFields(name: string, fields: readonly string[]): RefusedError {
  return new RefusedError(
    'E_REFUSED_NATIVE_FIELDS',
    `the toolstack's configuration of ${name} has fields that cannot be checked here: ${namesOf(fields)}`,
    {
      hint: 'Give domain XML with --xml FILE, which then replaces it; `dumpxml --migratable --security-info` at the source prints it.',
      data: { fields: fields.slice(0, MOST_NAMED) },
    },
  );
}

/** The first names in one line, and the number of the others. */
export function namesOf(fields: readonly string[]): string {
  const more = fields.length - MOST_NAMED;
  const shown = fields.slice(0, MOST_NAMED).map((field) => field.slice(0, 120));
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
