import { z } from '../errors/zod.js';
import { ProtocolError } from '../errors/errors.js';
import { bounded } from '../errors/printable.js';
import { printableName, printableText } from '../errors/text-schema.js';

/*
 * The messages of the handshake. PROTOCOL.md describes them for people; this file is what both sides
 * check on arrival. A message is one JSON object in one MESSAGE frame. Texts that are shown to
 * people are `printableText`; the rest of the strings have a fixed form, or are documents that are parsed.
 */

/** Protocol versions that this build speaks. */
export const PROTOCOL = { min: 1, max: 2 } as const;

/** Capabilities of a peer, by the names of S28. */
export const FEATURES = [
  'migration-v3',
  'migration-params',
  'migration-p2p',
  'typed-param-string',
  'persist-dest',
] as const;

const MAX_DATA_FIELDS = 64;
/** Longest field name in an error about a message: the peer may have chosen parts of it. */
const MAX_PLACE_CHARS = 200;
const MAX_XML = 1024 * 1024;
const MAX_NATIVE = 2 * 1024 * 1024;

/** A peer's measurement, for people: no longer than a day. */
const msSchema = z.number().nonnegative().max(86_400_000);

const shortText = printableText();
const sparseDigest = z.enum(['sparse-xxh3-128', 'sparse-xxh64', 'sparse-aes-gmac', 'sparse-sha256']);
const digestAlgorithm = z.union([z.literal('sha256'), sparseDigest]);
const digestSchema = z.object({
  algorithm: digestAlgorithm,
  hex: z.string().regex(/^([0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64})$/),
});
export type StreamDigest = z.infer<typeof digestSchema>;

const names = z.array(printableText(64)).max(16).readonly();

/** How the source can transform the stream. Unknown names are ignored. */
const streamOfferSchema = z.object({
  codecs: names,
  /** Distance that back references of the codec may span; both sides keep that many bytes. */
  referenceBytes: z.int().nonnegative(),
  packings: names,
  digests: names,
  /** Key for keyed digests: random, for this migration only. */
  digestKey: z.string().regex(/^[0-9a-f]{32}$/),
});

/** The destination's choice from the offer. */
const streamChoiceSchema = z.object({
  codec: printableText(64),
  referenceBytes: z.int().nonnegative(),
  packing: printableText(64),
  digest: sparseDigest,
});

export const wireErrorSchema = z.object({
  code: z.string().regex(/^E_[A-Z0-9_]{1,80}$/),
  message: shortText,
  hint: shortText.optional(),
  data: z
    .record(
      printableText(64),
      z.union([shortText, z.number(), z.boolean(), z.null(), z.array(shortText).max(64).readonly()]),
    )
    .refine((data) => Object.keys(data).length <= MAX_DATA_FIELDS, `has more than ${MAX_DATA_FIELDS} fields`)
    .optional(),
});

/** `4.20` */
const xenRelease = z.string().regex(/^\d{1,3}\.\d{1,3}$/);

/** The first message on a control link, from both sides. */
export const helloSchema = z.object({
  protocol: z.object({ min: z.int().positive(), max: z.int().positive() }),
  software: printableText(64),
  hostname: printableText(255),
  features: z.array(printableText(64)).max(64),
  streamVersions: z.array(z.int().positive()).min(1).max(16),
  /** Release of the hypervisor; absent: there is none, or the peer is of a release that does not say. */
  xen: xenRelease.optional(),
});
export type Hello = z.infer<typeof helloSchema>;

/** A secret that only the two ends of one conversation know: 32 bytes, hex. */
const secret = z.string().regex(/^[0-9a-f]{64}$/);

/** The longest time for which a destination waits for a source that has fallen silent. */
export const MAX_RECONNECT_MS = 600_000;

/** The OPEN frame of a link: what the link is for. */
export const openSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('control'),
    hello: helloSchema,
    /** How long both sides keep the migration after the loss of their connections; absent: not at all. */
    reconnectMs: z.int().min(0).max(MAX_RECONNECT_MS).optional(),
  }),
  /** Continues a conversation whose link was lost; `heard` is the number of messages received from the destination. */
  z.object({ kind: z.literal('resume'), session: secret, heard: z.int().min(0) }),
  z.object({ kind: z.literal('lane'), token: secret, index: z.int().min(0).max(63) }),
]);
export type Open = z.infer<typeof openSchema>;

/** The answer to an OPEN, in an OPEN frame of its own. */
export const openedSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('control'), hello: helloSchema, session: secret.optional() }),
  z.object({ kind: z.literal('resume'), heard: z.int().min(0) }),
  z.object({ kind: z.literal('lane'), index: z.int().min(0).max(63) }),
]);
export type Opened = z.infer<typeof openedSchema>;

/** The migration that a message refers to. A message with a lower epoch than the domain's highest is refused. */
const about = { migration: z.uuid(), epoch: z.int().positive() };

/**
 * Most epochs by which one side's count may be ahead of the other's: the number of times a guest may have moved
 * elsewhere. Without the bound a peer could name the highest number and leave none for further attempts.
 */
export const MAX_EPOCH_STEP = 1_000_000;

export const prepareSchema = z.object({
  type: z.literal('prepare'),
  ...about,
  /** Domain XML, secrets included: it travels encrypted only. */
  xml: z.string().max(MAX_XML),
  native: z.object({ format: z.literal('libxl-json'), text: z.string().max(MAX_NATIVE) }).optional(),
  /** The migration cookie, base64; the tunnel and this layer carry it unread. */
  cookie: z.string().max(MAX_XML).optional(),
  /** The name on the destination, where it differs (`--dname`). */
  dname: printableName(255).optional(),
  lanes: z.int().min(1).max(64),
  windowBytes: z.int().positive(),
  /** Absent: the stream is sent as it is, with SHA-256. */
  stream: streamOfferSchema.optional(),
  /** Whether the guest is to run there, if that is known beforehand; the value in finish counts. */
  run: z.boolean().optional(),
  /** Domain XML that the destination is to keep as the guest's definition; needs `persist-dest`. */
  persist: z.object({ xml: z.string().max(MAX_XML) }).optional(),
  /** Admit the guest although a check fails that may be overridden. */
  unsafe: z.boolean().optional(),
  /** Release of the hypervisor that the guest runs on. */
  xen: xenRelease.optional(),
});
export type Prepare = z.infer<typeof prepareSchema>;

const finishSchema = z.object({
  type: z.literal('finish'),
  ...about,
  rawBytes: z.int().nonnegative(),
  digest: digestSchema,
  /** False: leave the guest paused (`--suspend`, or paused before the move). */
  run: z.boolean(),
});
export type Finish = z.infer<typeof finishSchema>;

const cancelSchema = z.object({ type: z.literal('cancel'), ...about, error: wireErrorSchema });
const statusSchema = z.object({ type: z.literal('status'), ...about, uuid: z.uuid(), name: printableText(255) });
const confirmSchema = z.object({ type: z.literal('confirm'), ...about });

export const requestSchema = z.discriminatedUnion('type', [
  prepareSchema,
  finishSchema,
  cancelSchema,
  statusSchema,
  confirmSchema,
]);
export type Request = z.infer<typeof requestSchema>;

const problemSchema = z.object({
  code: z.string().regex(/^E_[A-Z0-9_]{1,80}$/),
  message: shortText,
  remedy: shortText,
});
export type Problem = z.infer<typeof problemSchema>;

export const replySchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('prepared'),
    token: secret,
    windowBytes: z.int().positive(),
    /** Absent: the stream is to be sent as it is, with SHA-256. */
    stream: streamChoiceSchema.optional(),
  }),
  /** Every reason at once; nothing was changed. `highestEpoch` lets the source choose a higher one. */
  z.object({
    type: z.literal('refused'),
    problems: z.array(problemSchema).min(1).max(64),
    highestEpoch: z.int().optional(),
  }),
  z.object({
    type: z.literal('outcome'),
    outcome: z.enum(['committed', 'aborted', 'pending']),
    /** Whether the guest runs there; only with `committed`. */
    running: z.boolean().optional(),
    /** Whether the destination keeps a definition of the guest; only with `committed`. */
    persistent: z.boolean().optional(),
    /** How long the guest's arrival took after the last byte, in ms; only with `committed`, and for people only. */
    times: z.object({ restoreMs: msSchema, commitMs: msSchema, unpauseMs: msSchema }).optional(),
    error: wireErrorSchema.optional(),
  }),
  z.object({ type: z.literal('confirmed') }),
  z.object({ type: z.literal('error'), error: wireErrorSchema }),
]);
export type Reply = z.infer<typeof replySchema>;

/** What the destination sends unasked. */
export const noticeSchema = z.object({ type: z.literal('failed'), ...about, error: wireErrorSchema });
export type Notice = z.infer<typeof noticeSchema>;

/** A message on the control link: a request with a number, the reply to that number, or a notice. */
export const envelopeSchema = z.union([
  z.object({ id: z.int().positive(), request: requestSchema }),
  z.object({ re: z.int().positive(), reply: replySchema }),
  z.object({ notice: noticeSchema }),
]);
export type Envelope = z.infer<typeof envelopeSchema>;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Parses and checks one JSON object; `E_PROTOCOL_MESSAGE` names the field that is wrong. */
export function decodeWith<T>(schema: z.ZodType<T>, bytes: Uint8Array, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes)) as unknown;
  } catch (error) {
    throw new ProtocolError('E_PROTOCOL_MESSAGE', `${what}: not JSON in UTF-8`, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue.path.length === 0 ? 'message' : bounded(issue.path.join('.'), MAX_PLACE_CHARS);
  throw new ProtocolError('E_PROTOCOL_MESSAGE', `${what}: field ${field}: ${issue.message}`, { data: { field } });
}

/** The bytes of a message, as JSON in UTF-8. */
export function encode(value: Envelope | Open | Opened): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** The version both sides speak; refused if there is none (F53). */
export function agreeProtocol(ours: Hello['protocol'], theirs: Hello['protocol'], peer: string): number {
  const version = Math.min(ours.max, theirs.max);
  if (version >= Math.max(ours.min, theirs.min)) return version;
  throw new ProtocolError(
    'E_PROTOCOL_VERSION',
    `${peer} speaks protocol ${theirs.min} to ${theirs.max}, this host ${ours.min} to ${ours.max}`,
    { hint: 'Bring both hosts to releases that share a protocol version.' },
  );
}
