// The verbs of the program as plain data: what help, reference page, manual pages and completions are made from.
// Needs a build (`npm run build`).
import { loadVerbs } from '../dist/cli/verbs.js';

/** The options that every verb takes. */
export const COMMON_OPTIONS = [
  {
    name: 'connect',
    alias: 'c',
    type: 'string',
    describe: 'whose domains the verb works on: xen:///system, embedded:///FOLDER, or an alias',
  },
  { name: 'state-dir', type: 'string', describe: 'folder of journals and job locks' },
  {
    name: 'config-file',
    type: 'string',
    describe: 'configuration file, in place of /etc/xenferry/xenferry.conf',
  },
  { name: 'deadline', type: 'string', describe: 'changes one deadline, NAME=SECONDS; may be given several times' },
  { name: 'help', alias: 'h', type: 'boolean', describe: 'help for the verb, with an example' },
];

/** What the builder of a verb registers with yargs: options, positionals, examples, and the verbs below it. */
function registeredBy(builder) {
  const found = { options: [], positionals: [], examples: [], below: [] };
  const yargs = new Proxy(
    {},
    {
      get: (_, method) => (first, second) => {
        if (method === 'option') found.options.push({ name: first, ...second });
        if (method === 'options') for (const [name, one] of Object.entries(first)) found.options.push({ name, ...one });
        if (method === 'positional') found.positionals.push({ name: first, ...second });
        if (method === 'example') found.examples.push({ command: first, meaning: second });
        if (method === 'command') found.below.push(first);
        return yargs;
      },
    },
  );
  builder(yargs);
  return { ...found, options: found.options.filter(({ hidden }) => hidden !== true) };
}

/** `migrate <domain> [vcpu]` as `migrate DOMAIN [VCPU]`. */
export const synopsisOf = (command) =>
  command
    .replace(/<([^>]+)>/g, (_, name) => name.toUpperCase())
    .replace(/\[([^\]]+)\]/g, (_, name) => `[${name.toUpperCase()}]`);

/** `--name`, or `-n` for a name of one letter. */
export const flagOf = (name) => `--${name}`.replace(/^--(.)$/, '-$1');

/** Every spelling of an option, its name first. */
export const flagsOf = ({ name, alias }) => [name, ...(alias === undefined ? [] : [alias].flat())].map(flagOf);

/** What stands in brackets after an option's description. */
export function notesOf({ type, choices, default: preset, defaultDescription, demandOption }, code = (text) => text) {
  return [
    demandOption === true ? 'required' : undefined,
    choices === undefined ? undefined : `one of ${choices.map((one) => code(one)).join(', ')}`,
    defaultDescription !== undefined
      ? `default: ${defaultDescription}`
      : preset === undefined || preset === false || preset === '' || preset?.length === 0
        ? undefined
        : `default ${code(preset)}`,
    type === 'number' ? 'a number' : undefined,
  ].filter((one) => one !== undefined);
}

function rowsOf({ command, describe, builder }, above = '') {
  if (describe === false) return [];
  const { below, ...rest } = registeredBy(builder ?? ((yargs) => yargs));
  if (below.length > 0) return below.flatMap((one) => rowsOf(one, `${above}${command.split(' ')[0]} `));
  return [{ name: `${above}${command.split(' ')[0]}`, synopsis: `${above}${synopsisOf(command)}`, describe, ...rest }];
}

/** Every verb that has a description, verbs of two words among them, in the order of the program. */
export async function verbTable() {
  return (await loadVerbs([])).flatMap((verb) => rowsOf(verb));
}
