import { formatDomainXml } from '../../domain/format.js';
import type { Domain } from '../../domain/model.js';
import { parseDomainXml } from '../../domain/parse.js';
import { withoutPasswords } from '../../domain/passwords.js';
import { RefusedError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type {
  LifecycleParticipant,
  Reconnecting,
  Started,
  Starting,
  Stopped,
} from '../participants/lifecycle-participant.js';
import { isDomain0 } from '../registry/known-domain.js';
import type { HookMoment } from './hook-call.js';
import { runScript, type ScriptLimits } from './run-script.js';
import { scriptsIn } from './scripts.js';

export interface HooksOptions extends ScriptLimits {
  /** Folder with `libxl` and `libxl.d`; need not be there. */
  readonly dir: string;
  readonly log: (line: string) => void;
}

/**
 * An operator's scripts that are called when domains come, go and move (S24; facts 2.8 and 3.10). One that fails at `prepare`,
 * `start`, `started`, `reconnect` or `migrate` has objected; behind the end of a domain it is only logged. Never called for domain 0.
 * The XML that they read is without passwords, but for a filter's, which replaces the definition.
 */
export class Hooks implements LifecycleParticipant {
  readonly name = 'hooks';

  constructor(private readonly options: HooksOptions) {}

  prepare({ domain }: Starting, signal: AbortSignal): Promise<void> {
    return this.#call(domain, 'prepare begin', shown(domain), signal);
  }

  start({ domain }: Starting, signal: AbortSignal): Promise<void> {
    return this.#call(domain, 'start begin', shown(domain), signal);
  }

  started({ domain }: Started, signal: AbortSignal): Promise<void> {
    return this.#call(domain, 'started begin', shown(domain), signal);
  }

  reconnect({ domain }: Reconnecting, signal: AbortSignal): Promise<void> {
    return this.#call(domain, 'reconnect begin', shown(domain), signal);
  }

  stopped(stopped: Stopped): Promise<void> {
    return this.#call(stopped, 'stopped end', endedXml(stopped), new AbortController().signal);
  }

  release(stopped: Stopped): Promise<void> {
    return this.#call(stopped, 'release end', endedXml(stopped), new AbortController().signal);
  }

  /** What the filters make of a guest that comes in: the same one where they print nothing, undefined where there are none. */
  async arriving(guest: Domain, signal: AbortSignal): Promise<Domain | undefined> {
    let domain = guest;
    const scripts = scriptsIn(this.options.dir);
    if (isHostItself(guest) || scripts.length === 0) return undefined;
    for (const script of scripts) {
      const call = { domain: guest.name, moment: 'migrate begin', xml: formatDomainXml(domain) } as const;
      const printed = await runScript(script, call, this.options, signal);
      if (printed.trim() !== '') domain = rewritten(script, guest, printed);
    }
    if (domain !== guest) this.options.log(`${guest.name}: its definition was rewritten by the migrate hook`);
    return domain;
  }

  async #call(whose: Named, moment: HookMoment, xml: string, signal: AbortSignal): Promise<void> {
    if (isHostItself(whose)) return;
    const domain = whose.name;
    for (const script of scriptsIn(this.options.dir)) {
      await runScript(script, { domain, moment, xml }, this.options, signal);
    }
  }
}

interface Named {
  readonly name: string;
  readonly uuid: string;
}

/** Nothing above lets domain 0 come here; this holds whatever is above. */
function isHostItself({ name, uuid }: Named): boolean {
  return isDomain0(name) || isDomain0(uuid);
}

function shown(domain: Domain): string {
  return formatDomainXml(withoutPasswords(domain));
}

/** Of a domain that was gone before anybody could look, the name and the UUID are left. */
function endedXml({ domain, uuid, name }: Stopped): string {
  if (domain !== undefined) return shown(domain);
  const escaped = name.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<domain type='xen'>\n  <name>${escaped}</name>\n  <uuid>${uuid}</uuid>\n</domain>\n`;
}

/** @throws RefusedError `E_HOOK_OUTPUT` */
function rewritten(script: string, guest: Domain, printed: string): Domain {
  let domain: Domain;
  try {
    domain = parseDomainXml(printed, { trust: 'peer' });
  } catch (error) {
    throw new RefusedError('E_HOOK_OUTPUT', `the hook ${script} printed what is no domain XML: ${messageOf(error)}`, {
      cause: error,
      hint: 'A migrate hook prints nothing, or the whole domain XML that is to be used.',
    });
  }
  if (domain.name === guest.name && domain.uuid === guest.uuid) return domain;
  throw new RefusedError(
    'E_HOOK_OUTPUT',
    `the hook ${script} made ${domain.name} (${domain.uuid}) of ${guest.name} (${guest.uuid})`,
    { hint: 'A migrate hook may change anything but name and UUID; --dname renames.' },
  );
}
