import { UsageError } from '../api/errors.js';
import type { SchedulingChange } from '../api/internal/tuning.js';

/** The change in the options; undefined: none. @throws UsageError `E_USAGE_SCHEDULING`, `E_USAGE_REPEATED` */
export function changeOf(
  options: { readonly weight: string | undefined; readonly cap: string | undefined },
  set: readonly string[],
): SchedulingChange | undefined {
  const said: (readonly [name: string, value: string])[] = [];
  for (const name of ['weight', 'cap'] as const) {
    const value = options[name];
    if (value !== undefined) said.push([name, value]);
  }
  for (const one of set) {
    const at = one.indexOf('=');
    if (at < 1) {
      throw new UsageError('E_USAGE_SCHEDULING', `--set ${one} is not NAME=VALUE`, {
        hint: 'For example --set weight=512.',
      });
    }
    said.push([one.slice(0, at), one.slice(at + 1)]);
  }
  if (said.length === 0) return undefined;
  const change: { weight?: number; cap?: number } = {};
  for (const [name, value] of said) {
    if (name !== 'weight' && name !== 'cap') {
      throw new UsageError('E_USAGE_SCHEDULING', `invalid scheduler option: ${name}`, {
        hint: 'Options are weight and cap.',
      });
    }
    if (change[name] !== undefined) {
      throw new UsageError('E_USAGE_REPEATED', `${name} is given more than once`, { hint: 'Use it once.' });
    }
    change[name] = numberOf(name, value);
  }
  return change;
}

function numberOf(name: 'weight' | 'cap', text: string): number {
  if (/^-?\d{1,10}$/.test(text)) return Number(text);
  throw new UsageError('E_USAGE_SCHEDULING', `invalid ${name} ${JSON.stringify(text)}`, {
    hint:
      name === 'weight' ? 'It is a whole number, 1 to 65535.' : 'It is a whole number, in percent of one processor.',
  });
}
