import { dialerOptions, settingsFor, type Settings } from '../api/process/dialing.js';
import { ownAsker, reachOptionsOf, type Asker, type DialingOptions } from './dialing-options.js';
import { hostOptionsOf, type GlobalOptions } from './open.js';
import { printNote } from './output.js';

/** A notice of the way to another host, on standard error. */
export const printNotice = (text: string): void => printNote(`notice: ${text}`);

/** The settings that a verb's options name, for who asks. */
export function settingsOf(options: GlobalOptions, { environment }: Pick<Asker, 'environment'>): Settings {
  return settingsFor(hostOptionsOf(options), environment);
}

/** How this process dials, with its terminal. */
export function ownDialerOptions(options: DialingOptions & GlobalOptions): ReturnType<typeof dialerOptions> {
  const asker = ownAsker();
  const reach = { ...reachOptionsOf(options), askPassphrase: asker.askPassphrase };
  return dialerOptions(settingsOf(options, asker), reach, printNotice);
}
