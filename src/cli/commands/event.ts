import type { CommandModule } from 'yargs';
import { EVENT_TYPES, isMissed, watchEvents, type DomainEvent, type Happening } from '../../api/events.js';
import { UsageError } from '../../api/errors.js';
import { EXIT } from '../exit.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printLine, printNote } from '../output.js';
import { setExitCode } from '../result.js';
import { StopSignals } from '../stop-signals.js';

type EventOptions = GlobalOptions & {
  domain?: string | undefined;
  event?: string | undefined;
  all: boolean;
  loop: boolean;
  timeout?: number | undefined;
  timestamp: boolean;
  json: boolean;
  list: boolean;
};

export const eventCommand: CommandModule<GlobalOptions, EventOptions> = {
  command: 'event',
  describe: 'wait for events of the domains of this host',
  builder: (yargs) =>
    yargs
      .option('domain', { type: 'string', describe: 'only of this domain: name, UUID or id' })
      .option('event', { type: 'string', describe: `only of this kind: ${EVENT_TYPES.join(', ')}` })
      .option('all', { type: 'boolean', default: false, describe: 'of every kind, as without --event' })
      .option('loop', { type: 'boolean', default: false, describe: 'until stopped, not only the first one' })
      .option('timeout', { type: 'number', describe: 'seconds to wait' })
      .option('timestamp', { type: 'boolean', default: false, describe: 'with the time before each' })
      .option('json', { type: 'boolean', default: false, describe: 'each as a line of JSON' })
      .option('list', { type: 'boolean', default: false, describe: 'only list the kinds' })
      .example('$0 event --loop --timestamp', 'a line for each start, stop, arrival, ...'),
  handler: async (options) => {
    if (options.list) {
      for (const type of EVENT_TYPES) printLine(type);
      return;
    }
    const { timeout } = options;
    if (timeout !== undefined && !(timeout > 0 && timeout <= 2_000_000)) {
      throw new UsageError('E_USAGE_TIMEOUT', `--timeout ${timeout}: seconds over 0 are needed`);
    }
    const type = typeOf(options);
    await using host = await openHost(options);
    using stop = new StopSignals();
    await using events = await watchEvents(host, {
      domain: options.domain,
      types: type === undefined ? undefined : [type],
      signal: stop.cancel,
    });
    const late = timeout === undefined ? undefined : AbortSignal.timeout(timeout * 1000);
    late?.addEventListener('abort', () => void events.return?.(), { once: true });
    // For scripts that act once no event can be missed any more.
    printNote('waiting for events');
    let count = 0;
    for await (const event of events) {
      if (isMissed(event)) {
        printNote(`${event.missed} events were missed`);
        continue;
      }
      count += 1;
      if (options.json) printJson(event);
      else printLine(lineOf(event, options.timestamp));
      if (!options.loop) break;
    }
    if (late?.aborted === true) printNote('event loop timed out');
    printNote(`events received: ${count}`);
    if (count === 0) setExitCode(EXIT.failed);
  },
};

function typeOf(options: EventOptions): Happening['type'] | undefined {
  if (options.event === undefined || options.all) return undefined;
  const type = EVENT_TYPES.find((one) => one === options.event);
  if (type !== undefined) return type;
  throw new UsageError('E_USAGE_EVENT', `--event ${options.event}: unknown kind of event`, {
    hint: `Kinds are ${EVENT_TYPES.join(', ')}.`,
  });
}

/** In virsh's wording. */
function lineOf(event: DomainEvent, withTime: boolean): string {
  const time = withTime ? `${event.at}: ` : '';
  return `${time}event '${event.what.type}' for domain '${event.domain}'${textOf(event.what)}`;
}

function textOf(what: Happening): string {
  switch (what.type) {
    case 'lifecycle':
      return `: ${capital(what.change.event)} ${capital(what.change.detail)}`;
    case 'job': {
      const error = what.error === undefined ? '' : `: ${what.error}`;
      return `: ${what.operation.replace('-', ' ')} ${what.result} after ${what.elapsedMs} ms${error}`;
    }
    case 'metadata-change':
      return `: ${what.of}${what.uri === undefined ? '' : ` ${what.uri}`}`;
    case 'soft-reset':
    case 'reboot':
      return '';
    case 'tray-change':
      return ` disk ${what.device}: opened`;
    case 'notice':
      return `: ${what.text}`;
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
