import type { FieldCodec } from './field-codecs.js';
import { ACTIONS } from './schema.js';

/** libxl's word for an action of xl.cfg(5): `rename-restart` is `restart_rename`. */
export function actionJson(word: string): string {
  return word === 'rename-restart' ? 'restart_rename' : word.replaceAll('-', '_');
}

/** The reverse. */
export function actionWord(json: string): string {
  return json === 'restart_rename' ? 'rename-restart' : json.replaceAll('_', '-');
}

const WORDS: readonly string[] = ACTIONS.map(actionWord);

/**
 * What is done when a guest stops for one of the reasons.
 * @param unsaid actions that say nothing here: they are usual, or the definition has its own element for them
 */
export function actionField(field: string, unsaid: readonly string[] = []): FieldCodec {
  return {
    fields: [field],
    says: `one of ${WORDS.join(', ')}`,
    put: (value) => (typeof value === 'string' && WORDS.includes(value) ? { [field]: actionJson(value) } : undefined),
    take: ({ [field]: json }) => {
      const word = typeof json === 'string' ? actionWord(json) : '';
      return WORDS.includes(word) && !unsaid.includes(word) ? word : undefined;
    },
  };
}
