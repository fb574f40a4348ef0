import { carriedCode } from '../errors/codes.js';
import { TunnelError, XenferryError } from '../errors/errors.js';
import { codeOf, messageOf } from '../errors/message-of.js';
import { bounded } from '../errors/printable.js';
import { FrameType, MAX_REFUSED_BYTES, type Frame } from './frame.js';

/** Why a link was refused, as the REFUSED frame carries it. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

const CODE = /^E_[A-Z0-9]+(?:_[A-Z0-9]+)*$/;
const MAX_CODE_CHARS = 64;
const MAX_TEXT_CHARS = 1024;

/** The frame that refuses a link. Texts are cut so that it always fits. */
export function refusedFrame(refusal: Refusal): Frame {
  const body = {
    code: refusal.code,
    message: bounded(refusal.message, MAX_TEXT_CHARS),
    ...(refusal.hint === undefined ? {} : { hint: bounded(refusal.hint, MAX_TEXT_CHARS) }),
  };
  return { type: FrameType.REFUSED, sequence: 0, offset: 0, payload: Buffer.from(JSON.stringify(body)) };
}

/** A refusal with the content of the error. */
export function refusalOf(error: unknown): Refusal {
  const refusal = { code: codeOf(error), message: messageOf(error) };
  return error instanceof XenferryError && error.hint !== undefined ? { ...refusal, hint: error.hint } : refusal;
}

/** The far end itself refused: repeating the request is useless. */
export class PeerRefusal extends TunnelError {}

/**
 * The peer's REFUSED frame as an error. Nothing in it is trusted: a code that is
 * none becomes `E_TUNNEL_REFUSED`, and control characters never reach a terminal.
 */
export function refusedError(payload: Uint8Array, peer: string): PeerRefusal {
  const said = readRefusal(payload);
  return new PeerRefusal(carriedCode(said.code), `${peer} refused the connection: ${said.message}`, {
    hint: said.hint ?? 'Look at the log of the far host for the reason.',
    data: { peer },
  });
}

function readRefusal(payload: Uint8Array): Refusal {
  const nothing: Refusal = { code: 'E_TUNNEL_REFUSED', message: 'no reason given' };
  if (payload.length > MAX_REFUSED_BYTES) return nothing;
  let body: unknown;
  try {
    body = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8'));
  } catch {
    return nothing; // an unreadable refusal is still a refusal
  }
  if (typeof body !== 'object' || body === null) return nothing;
  const code = 'code' in body ? body.code : undefined;
  const message = 'message' in body ? body.message : undefined;
  const hint = 'hint' in body ? body.hint : undefined;
  return {
    code: typeof code === 'string' && code.length <= MAX_CODE_CHARS && CODE.test(code) ? code : nothing.code,
    message: typeof message === 'string' && message !== '' ? bounded(message, MAX_TEXT_CHARS) : nothing.message,
    ...(typeof hint === 'string' && hint !== '' ? { hint: bounded(hint, MAX_TEXT_CHARS) } : {}),
  };
}
