import { describe, expect, it } from 'vitest';
import { decodeWith, envelopeSchema, openedSchema, openSchema } from '../../../src/control/messages.js';
import { XenferryError } from '../../../src/errors/errors.js';
import { messageOf } from '../../../src/errors/message-of.js';
import { answerSchema } from '../../../src/toolstack/agent/protocol.js';
import { POISONS, stringsIn, unseenIn } from '../../support/poison.js';
import { textFields } from '../../support/schema-texts.js';

/** What is parsed as a document of its own and never shown as it came. */
const DOCUMENTS = [
  'request.prepare.xml',
  'request.prepare.native.text',
  'request.prepare.cookie',
  'request.prepare.persist.xml',
];

const MESSAGES = {
  open: openSchema,
  opened: openedSchema,
  envelope: envelopeSchema,
  'answer of an agent': answerSchema,
};

const fields = Object.entries(MESSAGES).flatMap(([name, schema]) =>
  textFields(schema).map((field) => ({ name, schema, field })),
);
const shown = fields.filter(({ field }) => !DOCUMENTS.includes(field.path));

/** What a peer reads when it decodes these bytes: the message, or why not. */
function readBack(schema: (typeof fields)[number]['schema'], value: unknown): unknown {
  try {
    return decodeWith<unknown>(schema, new TextEncoder().encode(JSON.stringify(value)), 'message');
  } catch (error) {
    if (!(error instanceof XenferryError) || error.code !== 'E_PROTOCOL_MESSAGE') throw error;
    expect(messageOf(error).length).toBeLessThan(1000);
    return { message: messageOf(error), ...error.data };
  }
}

describe('texts of the messages between hosts, in both directions', () => {
  it('are found in the schemas themselves', () => {
    const paths = new Set(fields.map(({ name, field }) => `${name}: ${field.path}`));
    for (const path of [
      'open: control.hello.hostname',
      'opened: control.hello.software',
      'opened: control.hello.features[]',
      'envelope: request.prepare.dname',
      'envelope: request.prepare.stream.codecs[]',
      'envelope: request.cancel.error.hint',
      'envelope: request.status.name',
      'envelope: reply.prepared.stream.codec',
      'envelope: reply.refused.problems[].remedy',
      'envelope: reply.outcome.error.message',
      'envelope: reply.error.error.data{}',
      'envelope: reply.error.error.data{}[]',
      'envelope: reply.error.error.data{key}',
      'envelope: notice.failed.error.code',
      'answer of an agent: error.message',
      ...DOCUMENTS.map((document) => `envelope: ${document}`),
    ]) {
      expect(paths).toContain(path);
    }
  });

  it.each(shown.map(({ name, field, schema }) => [`${name}: ${field.path}`, field, schema] as const))(
    '%s is printable once it is read, or refused by name',
    (_path, field, schema) => {
      for (const [what, text] of POISONS) {
        const strings = stringsIn(readBack(schema, field.with(text)));
        expect(strings.length, what).toBeGreaterThan(0);
        expect(
          strings.flatMap((one) => unseenIn(one.replaceAll('\n', '\0'))),
          what,
        ).toEqual([]);
      }
    },
  );

  it('an honest text is read as it was written', () => {
    const field = textFields(envelopeSchema).find(({ path }) => path === 'reply.error.error.message');
    expect(stringsIn(readBack(envelopeSchema, field?.with('Grüße: 你好')))).toContain('Grüße: 你好');
  });
});
