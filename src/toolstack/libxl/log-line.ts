import { printableLine } from '../../errors/printable.js';

/** The content of one line of xentoollog. */
export type LogLine =
  | { readonly kind: 'round'; readonly round: number; readonly done: number; readonly total: number }
  | { readonly kind: 'suspended' }
  | {
      readonly kind: 'text';
      readonly level: 'debug' | 'info' | 'warning' | 'error';
      readonly text: string;
      /** The domain that the line concerns, if it names one. */
      readonly domid: number | undefined;
    };

/** As xtl_logger_stdio.c writes them: `CONTEXT: LEVEL: MESSAGE`, where CONTEXT is libxl, xc, libxl-save-helper... */
const LINE = /^(?:([\w.-]+): )?(debug|verbose|detail|progress|info|notice|warning|error|critical): (.*)$/;
/** libxc's progress while it sends memory (xg_sr_save.c). */
const ROUND = /^Frames(?: iteration (\d+))?: (\d+)\/(\d+)\s/;
/** `libxl_domain.c:1234:libxl_domain_suspend: Domain 3:text`, from Xen 4.9 on. */
const PLACE = /^[\w./-]+\.c:\d+:\w+: /;
const DOMAIN = /^Domain (\d+):/;

/** Messages that the guest has stopped for the save: libxl's own, and libxc's, whichever comes first. */
const SUSPENDED = /guest has suspended$|^Domain now suspended$/;

/**
 * Reads one line of the log, without its line end. Never fails: an unknown line is text. Guests may influence it: it is
 * made printable.
 */
export function parseLogLine(line: string): LogLine {
  const said = printableLine(line.trimEnd());
  const match = LINE.exec(said);
  if (match === null) return { kind: 'text', level: 'info', text: said, domid: undefined };
  const [, context = '', level = '', message = ''] = match;
  const round = ROUND.exec(message);
  if (round !== null) {
    const [, iteration = '0', done, total] = round; // the a save that is not live has one pass, without a number
    return { kind: 'round', round: Number(iteration), done: Number(done), total: Number(total) };
  }
  const body = message.replace(PLACE, '');
  if (SUSPENDED.test(body)) return { kind: 'suspended' };
  const domid = DOMAIN.exec(body)?.[1];
  return {
    kind: 'text',
    level: levelOf(level),
    text: context === '' || context === 'libxl' ? body : `${context}: ${body}`,
    domid: domid === undefined ? undefined : Number(domid),
  };
}

function levelOf(level: string): 'debug' | 'info' | 'warning' | 'error' {
  switch (level) {
    case 'error':
    case 'critical':
      return 'error';
    case 'warning':
      return 'warning';
    case 'info':
    case 'notice':
      return 'info';
    default:
      return 'debug';
  }
}
