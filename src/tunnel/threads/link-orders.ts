import { carriedCode } from '../../errors/codes.js';
import { TunnelError } from '../../errors/errors.js';
import type { LinkOrder, ThreadFrame } from './thread-messages.js';

/** What the main thread orders a link in a thread to do. */
export interface OrderedLink {
  open(payload: Uint8Array): void;
  answer(payload: Uint8Array): void;
  refuse(reason: TunnelError): void;
  send(frame: ThreadFrame): void;
  /** So many bytes were consumed; these payloads' memory is free again. */
  more(bytes: number, unused: readonly ArrayBuffer[]): void;
  close(deadlineMs: number | undefined): void;
}

/** Calls the link's method for an order. */
export function carryOut(link: OrderedLink, order: LinkOrder): void {
  switch (order.do) {
    case 'open':
      link.open(order.payload);
      return;
    case 'answer':
      link.answer(order.payload);
      return;
    case 'refuse': {
      const { code, message, hint } = order.refusal;
      link.refuse(new TunnelError(carriedCode(code), message, { hint }));
      return;
    }
    case 'send':
      link.send(order.frame);
      return;
    case 'more':
      link.more(order.bytes, order.unused);
      return;
    case 'close':
      link.close(order.deadlineMs);
  }
}
