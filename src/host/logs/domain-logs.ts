import { dirname, join } from 'node:path';
import { formatDomainXml } from '../../domain/format.js';
import { domainMessages } from '../../domain/definition/messages.js';
import { readDefinition } from '../../domain/definition/read.js';
import { libxlJson } from '../../domain/libxl-json/to-libxl.js';
import type { Domain } from '../../domain/model.js';
import { withoutPasswords } from '../../domain/passwords.js';
import { messageOf } from '../../errors/message-of.js';
import { bounded } from '../../errors/printable.js';
import { makeFolder } from '../../posix/folder.js';
import type {
  Changed,
  LifecycleParticipant,
  Reconnecting,
  Started,
  Starting,
  Stopped,
} from '../participants/lifecycle-participant.js';
import { LogFile, type Rotation } from './log-file.js';
import { domidIn, formatLine, logFileName, matters, type LogLevel } from './log-line.js';

/** Of a definition that another host sends; usual ones have a few KiB. Each attempt to send a guest writes one. */
const MAX_SENT_DEFINITION = 16 * 1024;

export interface LogOptions extends Rotation {
  readonly dir: string;
  readonly level: LogLevel;
  /** Told once where a log cannot be written: nothing else fails for that. */
  readonly complain: (line: string) => void;
}

/** The log of a domain, or of what belongs to none. A domain's lies in a folder of its own: its name may be any. */
export function logPath(dir: string, domain: string | undefined): string {
  return domain === undefined ? join(dir, 'xenferry.log') : join(dir, 'domains', logFileName(domain));
}

/**
 * A log for each domain and one for the rest (S44; facts 3.11). libxl says in a line whom it speaks of: that sorts it. What
 * speaks of nobody, or of an id that is not known here, is the driver's.
 */
export class DomainLogs implements LifecycleParticipant {
  readonly name = 'logs';
  readonly #nameOf = new Map<number, string>();
  #complained = false;

  constructor(private readonly options: LogOptions) {}

  /** A line of the driver's own. */
  driver(level: LogLevel, text: string): void {
    this.#write(undefined, 'xenferry', level, text);
  }

  /**
   * A line of libxl's or libxc's.
   * @param during the domain whose job made it say that
   */
  toolstack(level: LogLevel, text: string, during: string): void {
    const domid = domidIn(text);
    const name = domid === undefined ? undefined : this.#nameOf.get(domid);
    this.#write(name, name === undefined ? `libxl (${during})` : 'libxl', level, text);
  }

  /** Which domain has an id: from now on it is known whom libxl speaks of. */
  know(domid: number, name: string): void {
    this.#nameOf.set(domid, name);
  }

  start({ domain, how }: Starting): Promise<void> {
    const definition = shown(withoutPasswords(domain));
    const text = how === 'migrated' ? bounded(definition, MAX_SENT_DEFINITION) : definition;
    this.#write(domain.name, 'xenferry', 'info', `Domain start: ${text}`);
    for (const message of domainMessages(domain))
      this.#write(domain.name, 'xenferry', 'warning', `Domain message: ${message}`);
    return Promise.resolve();
  }

  started({ info }: Started): Promise<void> {
    this.know(info.domid, info.name);
    this.#write(info.name, 'xenferry', 'info', `Domain has id ${info.domid}`);
    return Promise.resolve();
  }

  reconnect({ info }: Reconnecting): Promise<void> {
    this.know(info.domid, info.name);
    this.#write(info.name, 'xenferry', 'info', `Domain is found again, with id ${info.domid}`);
    return Promise.resolve();
  }

  release({ domid }: Stopped): Promise<void> {
    if (domid !== undefined) this.#nameOf.delete(domid);
    return Promise.resolve();
  }

  changed({ name, change }: Changed): void {
    this.#write(name, 'xenferry', 'info', `Domain ${change.event}: ${change.detail}`);
  }

  #write(domain: string | undefined, context: string, level: LogLevel, text: string): void {
    const { dir, complain } = this.options;
    if (!matters(level, this.options.level)) return;
    try {
      const path = logPath(dir, domain);
      makeFolder(dirname(path));
      new LogFile(path, this.options).append(formatLine(new Date(), context, level, text));
    } catch (error) {
      if (!this.#complained) complain(`the logs in ${dir} cannot be written: ${messageOf(error)}`);
      this.#complained = true;
    }
  }
}

/** libxl's JSON (facts 3.11); the XML of what libxl has no words for. */
function shown(domain: Domain): string {
  try {
    return libxlJson({ ...readDefinition(domain, { lenient: true }).definition, foreign: [] });
  } catch {
    return formatDomainXml(domain).replace(/>\s+</g, '><');
  }
}
