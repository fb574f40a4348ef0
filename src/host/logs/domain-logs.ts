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

/**
 * Longest definition of another host that is logged; usual ones have a few KiB. Each attempt to send a guest logs one.
 */
const MAX_SENT_DEFINITION = 16 * 1024;

/** Options of the logs. */
export interface LogOptions extends Rotation {
  readonly dir: string;
  readonly level: LogLevel;
  /** Called once if a log cannot be written, which fails nothing else. */
  readonly complain: (line: string) => void;
}

/**
 * Path of a domain's log, or of the log without a domain. Domains' logs are in a subfolder, since a name may be
 * anything.
 */
export function logPath(dir: string, domain: string | undefined): string {
  return domain === undefined ? join(dir, 'xenferry.log') : join(dir, 'domains', logFileName(domain));
}

/**
 * A log for each domain and one for the rest (S44; facts 3.11). Lines of libxl name the domain that they concern, by
 * which they are sorted. A line without a domain, or with an unknown id, goes to the driver's log.
 */
export class DomainLogs implements LifecycleParticipant {
  readonly name = 'logs';
  readonly #nameOf = new Map<number, string>();
  #complained = false;

  constructor(private readonly options: LogOptions) {}

  /** Writes a line of xenferry itself. */
  driver(level: LogLevel, text: string): void {
    this.#write(undefined, 'xenferry', level, text);
  }

  /**
   * Writes a line of libxl or libxc.
   * @param during the domain whose job caused it
   */
  toolstack(level: LogLevel, text: string, during: string): void {
    const domid = domidIn(text);
    const name = domid === undefined ? undefined : this.#nameOf.get(domid);
    this.#write(name, name === undefined ? `libxl (${during})` : 'libxl', level, text);
  }

  /** Records a domain's id, by which lines of libxl are assigned from now on. */
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

/** libxl's JSON (facts 3.11); the XML for settings that libxl's JSON cannot express. */
function shown(domain: Domain): string {
  try {
    return libxlJson({ ...readDefinition(domain, { lenient: true }).definition, foreign: [] });
  } catch {
    return formatDomainXml(domain).replace(/>\s+</g, '><');
  }
}
