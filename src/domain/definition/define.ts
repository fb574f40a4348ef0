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

export interface Defined {
  /** What to give to the toolstack and to keep: defaults are written down in it. */
  readonly domain: Domain;
  readonly definition: Definition;
  readonly warnings: readonly string[];
}

export interface DefineContext extends DefaultsContext, Pick<ParseContext, 'makeUuid'> {
  /** Carry on what the schema does not know, with a warning, instead of refusing it (S06). */
  readonly carryUnknown?: boolean;
}

/**
 * A user's domain XML, read, completed and checked: for `define` and `create`. Whether it makes sense is always checked; what a
 * peer sent or we stored goes through `parseDomainXml` alone (S06).
 * @throws UsageError `E_USAGE_DOMAIN_*`; XmlError
 */
export function defineDomain(text: string, context: DefineContext): Defined {
  const parsed = parseDomainXml(text, context.makeUuid === undefined ? {} : { makeUuid: context.makeUuid });
  const basics = basicsNotes(parseXml(text), context.carryUnknown !== true);
  const { definition: given, warnings } = readDefinition(parsed, { carryUnknown: context.carryUnknown === true });
  const complete = applyDefaults(given, context);
  // An empty one asks for one to be made.
  const definition = complete.genid === '' ? { ...complete, genid: (context.makeUuid ?? randomUUID)() } : complete;
  checkDefinition(definition);
  return {
    domain: toDomain(definition),
    definition,
    warnings: [...new Set([...basics, ...warnings, ...notesOf(definition)])],
  };
}
