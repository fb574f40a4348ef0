import { z } from '../../errors/zod.js';
import { formatDomainXml } from '../../domain/format.js';
import type { Domain } from '../../domain/model.js';
import { parseDomainXml } from '../../domain/parse.js';
import { SystemError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import { printableJson } from '../../errors/printable.js';
import { ownCommand } from '../../errors/shell-words.js';

/** Format of the files; a file with a higher number is refused. */
export const DEFINITION_VERSION = 1;

/** Domain XML is at most 1 MiB; JSON encodes some characters as two, a few as six. */
export const MAX_DEFINITION_BYTES = 4 * 1024 * 1024;

/** What a host stores about a domain across its runs. Nothing in it comes from a run (S19). */
export interface StoredDefinition {
  readonly domain: Domain;
  /** Started when the host starts. */
  readonly autostart: boolean;
}

const versionSchema = z.object({ format: z.literal('xenferry-definition'), version: z.int().positive() });
const fileSchema = z.strictObject({
  format: z.literal('xenferry-definition'),
  version: z.literal(DEFINITION_VERSION),
  autostart: z.boolean(),
  xml: z.string().max(1024 * 1024),
});

/** Encodes a definition's file. */
export function encodeDefinition({ domain, autostart }: StoredDefinition): string {
  const file: z.infer<typeof fileSchema> = {
    format: 'xenferry-definition',
    version: DEFINITION_VERSION,
    autostart,
    xml: formatDomainXml(domain),
  };
  return `${printableJson(file, 1)}\n`;
}

/**
 * Decodes a definition's file. A name that would be refused today still loads (S39).
 * @param uuid UUID of the domain, from the file's name
 * @throws SystemError `E_SYSTEM_DEFINITION`
 */
export function decodeDefinition(text: string, uuid: string, path: string): StoredDefinition {
  try {
    const value: unknown = JSON.parse(text);
    const { version } = versionSchema.parse(value);
    if (version > DEFINITION_VERSION) {
      throw new SystemError(
        'E_SYSTEM_DEFINITION',
        `it has format version ${version}, this release supports up to ${DEFINITION_VERSION}`,
      );
    }
    const { autostart, xml } = fileSchema.parse(value);
    const domain = parseDomainXml(xml, { trust: 'stored' });
    if (domain.uuid !== uuid) throw new SystemError('E_SYSTEM_DEFINITION', `it contains the domain ${domain.uuid}`);
    return { domain, autostart };
  } catch (error) {
    throw damagedDefinition(path, uuid, error);
  }
}

/** The error for a definition that cannot be read; the message includes the cause's. */
export function damagedDefinition(path: string, uuid: string, cause: unknown): SystemError {
  const why =
    cause instanceof z.ZodError
      ? `field ${cause.issues[0].path.join('.') || '(all)'}: ${cause.issues[0].message}`
      : messageOf(cause);
  return new SystemError('E_SYSTEM_DEFINITION', `${path} is not a definition that can be read: ${why}`, {
    cause,
    hint: `Correct or replace the file, or remove it with \`${ownCommand('undefine', uuid)}\`.`,
    data: { path, uuid },
  });
}
