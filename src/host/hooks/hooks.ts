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

/** Options of the hooks. */
export interface HooksOptions extends ScriptLimits {
  /** Folder with `libxl` and `libxl.d`; may be absent. */
  readonly dir: string;
  readonly log: (line: string) => void;
}

/**
 * An operator's scripts that are called when domains start, stop and move (S24; facts 2.8 and 3.10). A script that
 * fails at `prepare`, `start`, `started`, `reconnect` or `migrate` vetoes the operation; after the end of a domain a
 * failure is only logged. Never called for domain 0. The XML that scripts read contains no passwords, except at
 * `migrate`, whose output replaces the definition.
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

  /** An arriving guest after the `migrate` hooks: unchanged if they print nothing, undefined if there are none. */
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

/** The callers never pass domain 0; this check does not rely on them. */
function isHostItself({ name, uuid }: Named): boolean {
  return isDomain0(name) || isDomain0(uuid);
}

function shown(domain: Domain): string {
  return formatDomainXml(withoutPasswords(domain));
}

/** XML of an ended domain; only its name and UUID if its configuration is unknown. */
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
    throw new RefusedError(
      'E_HOOK_OUTPUT',
      `the hook ${script} printed something other than domain XML: ${messageOf(error)}`,
      {
        cause: error,
        hint: 'A migrate hook prints nothing, or the whole domain XML to use.',
      },
    );
  }
  if (domain.name === guest.name && domain.uuid === guest.uuid) return domain;
  throw new RefusedError(
    'E_HOOK_OUTPUT',
    `the hook ${script} changed ${guest.name} (${guest.uuid}) to ${domain.name} (${domain.uuid})`,
    { hint: 'A migrate hook may change anything except name and UUID; --dname renames.' },
  );
}
