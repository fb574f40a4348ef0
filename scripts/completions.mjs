// Completions for bash, zsh and fish, from the verbs; needs a build (`npm run build`).
//   node scripts/completions.mjs [FOLDER]    writes xenferry.bash, _xenferry and xenferry.fish; dist/completions by default
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMMON_OPTIONS, flagsOf, verbTable } from './verb-table.mjs';

const folder = process.argv[2] ?? fileURLToPath(new URL('../dist/completions', import.meta.url));
const verbs = await verbTable();

const wordsOf = (options) => options.flatMap(flagsOf).join(' ');
const COMMON = wordsOf(COMMON_OPTIONS);
/** Options whose next word is their value, of every verb. */
const WITH_VALUE = [...COMMON_OPTIONS, ...verbs.flatMap(({ options }) => options)]
  .filter(({ type, choices }) => type === 'string' || type === 'number' || choices !== undefined)
  .flatMap(flagsOf);
const takesDomain = ({ positionals, synopsis }) =>
  positionals.some(({ name }) => name === 'domain') || / \[?DOMAIN\b/.test(synopsis);
/** Verbs of one word, each once: `pki init` and `pki issue` are words below `pki`. */
const firstWords = [...new Set(verbs.map(({ name }) => name.split(' ')[0]))];
const below = (first) => verbs.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name.split(' ')[1]);
const choicesOf = ({ options }) => options.filter(({ choices }) => choices !== undefined);
const quoted = (text) => `'${String(text).replace(/'/g, `'\\''`)}'`;

/** `embedded:///hosts/a` reaches a completion as several words: bash splits at colons. */
const bash = `# bash completion for xenferry. Generated; do not edit.
_xenferry_domains() {
  local i
  local -a host=()
  for ((i = 1; i < cword; i++)); do
    case "\${words[i]}" in
      -c | --connect | --state-dir | --config-file) host+=("\${words[i]}" "\${words[i + 1]}") ;;
    esac
  done
  xenferry "\${host[@]}" list --all --name 2>/dev/null
}

_xenferry() {
  local verb="" second="" options="" word joined=0 i
  local -a words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if ((\${#words[@]} > 1)) && [[ $joined == 1 || $word == :* ]]; then words[-1]+="$word"; else words+=("$word"); fi
    if [[ $word == *: ]]; then joined=1; else joined=0; fi
  done
  local cword=$((\${#words[@]} - 1))
  local current="\${words[cword]}" previous="\${words[cword - 1]}"
  for ((i = 1; i < cword; i++)); do
    case "\${words[i]}" in
      ${WITH_VALUE.filter((flag, at) => WITH_VALUE.indexOf(flag) === at).join(' | ')}) ((i++)) ;;
      -*) ;;
      *)
        if [[ -z $verb ]]; then verb="\${words[i]}"
        elif [[ -z $second ]]; then second="\${words[i]}"; fi
        ;;
    esac
  done
  COMPREPLY=()
  if [[ -z $verb ]]; then
    COMPREPLY=($(compgen -W ${quoted(`${firstWords.join(' ')} ${COMMON}`)} -- "$current"))
    return
  fi
  case "$verb $previous" in
${verbs
  .flatMap((verb) =>
    choicesOf(verb).flatMap((option) =>
      flagsOf(option).map(
        (flag) =>
          `    ${quoted(`${verb.name.split(' ')[0]} ${flag}`)}) COMPREPLY=($(compgen -W ${quoted(option.choices.join(' '))} -- "$current")); return ;;`,
      ),
    ),
  )
  .join('\n')}
  esac
  case "$verb" in
${firstWords
  .filter((first) => below(first).length > 0)
  .map(
    (first) =>
      `    ${first}) if [[ -z $second ]]; then COMPREPLY=($(compgen -W ${quoted(below(first).join(' '))} -- "$current")); return; fi; verb="$verb $second" ;;`,
  )
  .join('\n')}
  esac
  case "$verb" in
${verbs.map((verb) => `    ${quoted(verb.name)}) options=${quoted(wordsOf(verb.options))} ;;`).join('\n')}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options ${COMMON}" -- "$current"))
    return
  fi
  case "$verb" in
    ${verbs
      .filter(takesDomain)
      .map(({ name }) => quoted(name))
      .join(' | ')})
      if [[ -z $second ]]; then
        local IFS=$'\\n'
        COMPREPLY=($(compgen -W "$(_xenferry_domains)" -- "$current"))
        return
      fi
      ;;
  esac
  COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _xenferry xenferry
`;

const zshText = (text) =>
  String(text ?? '')
    .replace(/[\[\]:\\]/g, '\\$&')
    .replace(/'/g, `'\\''`);
const zshOption = (option) =>
  flagsOf(option).map((flag) => {
    const value =
      option.choices !== undefined
        ? `:value:(${option.choices.join(' ')})`
        : option.type === 'string' || option.type === 'number'
          ? ':value:_files'
          : '';
    return `'*${flag}[${zshText(option.describe)}]${value}'`;
  });
const zsh = `#compdef xenferry
# zsh completion for xenferry. Generated; do not edit.
_xenferry_domains() {
  local -a names host
  local at
  for at in -c --connect --state-dir --config-file; do
    if (( \${words[(I)$at]} )); then host+=($at \${words[\${words[(I)$at]} + 1]}); fi
  done
  names=("\${(@f)$(xenferry $host list --all --name 2>/dev/null)}")
  compadd -a names
}

_xenferry() {
  local -a verbs
  verbs=(
${firstWords.map((first) => `    '${first}:${zshText(verbs.find(({ name }) => name.split(' ')[0] === first).describe)}'`).join('\n')}
  )
  local -a common
  common=(
${COMMON_OPTIONS.flatMap(zshOption)
  .map((line) => `    ${line}`)
  .join('\n')}
  )
  local curcontext="$curcontext" state line
  _arguments -C $common '1:verb:->verb' '*::argument:->argument'
  case $state in
    verb) _describe 'verb' verbs ;;
    argument)
      case $line[1] in
${firstWords
  .map((first) => {
    const own = verbs.filter(({ name }) => name.split(' ')[0] === first);
    const inner = below(first);
    const first1 =
      inner.length > 0 ? `'1:what:(${inner.join(' ')})'` : own.some(takesDomain) ? `'1:domain:_xenferry_domains'` : '';
    const options = [...new Set(own.flatMap(({ options }) => options.flatMap(zshOption)))];
    return `        ${first}) _arguments $common ${[...options, first1, `'*:file:_files'`].filter((one) => one !== '').join(' ')} ;;`;
  })
  .join('\n')}
      esac
      ;;
  esac
}

_xenferry "$@"
`;

const fishText = (text) => `'${String(text ?? '').replace(/[\\']/g, '\\$&')}'`;
const fishOption = (option, condition) => {
  const flags = flagsOf(option).map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value =
    option.choices !== undefined
      ? ` -x -a ${fishText(option.choices.join(' '))}`
      : option.type === 'string' || option.type === 'number'
        ? ' -r'
        : '';
  return `complete -c xenferry${condition} ${flags.join(' ')}${value} -d ${fishText(option.describe)}`;
};
const fish = `# fish completion for xenferry. Generated; do not edit.
function __xenferry_domains
    set -l words (commandline -opc)
    set -l host
    for i in (seq (count $words))
        if contains -- $words[$i] -c --connect --state-dir --config-file
            set host $host $words[$i] $words[(math $i + 1)]
        end
    end
    xenferry $host list --all --name 2>/dev/null
end

${COMMON_OPTIONS.map((option) => fishOption(option, '')).join('\n')}
${firstWords.map((first) => `complete -c xenferry -f -n __fish_use_subcommand -a ${first} -d ${fishText(verbs.find(({ name }) => name.split(' ')[0] === first).describe)}`).join('\n')}
${verbs
  .flatMap((verb) => {
    const [first, second] = verb.name.split(' ');
    const condition = ` -n ${fishText(`__fish_seen_subcommand_from ${first}`)}`;
    return [
      ...(second === undefined
        ? []
        : [`complete -c xenferry${condition} -f -a ${second} -d ${fishText(verb.describe)}`]),
      ...(takesDomain(verb) ? [`complete -c xenferry${condition} -f -a '(__xenferry_domains)'`] : []),
      ...verb.options.map((option) => fishOption(option, condition)),
    ];
  })
  .join('\n')}
`;

mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'xenferry.bash'), bash);
writeFileSync(join(folder, '_xenferry'), zsh);
writeFileSync(join(folder, 'xenferry.fish'), fish);
