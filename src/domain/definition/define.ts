import { randomUUID } from 'node:crypto';
import type { Domain } from '../model.js';
import { parseDomainXml, type ParseContext } from '../parse.js';
import { parseXml } from '../../xml/parse.js';
import { basicsNotes } from './basics-notes.js';
import { applyDefaults, type DefaultsContext } from './defaults.js';
import type { Definition } from './model.js';
import { notesOf } from './notes.js';
import { readDefinition } from './read.js';
import { checkDefinition } from './validate/definition.js';
import { toDomain } from './write.js';

/** A definition that was read, completed and checked. */
export interface Defined {
  /** The domain for the toolstack and for storage, with explicit defaults. */
  readonly domain: Domain;
  readonly definition: Definition;
  readonly warnings: readonly string[];
}

/** Context of `defineDomain`. */
export interface DefineContext extends DefaultsContext, Pick<ParseContext, 'makeUuid'> {
  /** Keep what the schema does not define, with a warning, instead of refusing it (S06). */
  readonly carryUnknown?: boolean;
}

/**
 * Reads, completes and checks a user's domain XML, for `define` and `create`. Its consistency is always checked; XML
 * that a peer sent or that was stored goes through `parseDomainXml` alone (S06).
 * @throws UsageError `E_USAGE_DOMAIN_*`; XmlError
 */
export function defineDomain(text: string, context: DefineContext): Defined {
  const parsed = parseDomainXml(text, context.makeUuid === undefined ? {} : { makeUuid: context.makeUuid });
  const basics = basicsNotes(parseXml(text), context.carryUnknown !== true);
  const { definition: given, warnings } = readDefinition(parsed, { carryUnknown: context.carryUnknown === true });
  const complete = applyDefaults(given, context);
  // An empty value requests a generated one.
  const definition = complete.genid === '' ? { ...complete, genid: (context.makeUuid ?? randomUUID)() } : complete;
  checkDefinition(definition);
  return {
    domain: toDomain(definition),
    definition,
    warnings: [...new Set([...basics, ...warnings, ...notesOf(definition)])],
  };
}
