import { basename } from 'node:path';

/** Options of ssh without a value that change nothing about where a connection goes. */
const PLAIN_OPTION = /^-[aCkqTxN46]+$/;
/** What a ProxyCommand has its hop connect to. */
const TARGETS: ReadonlySet<string> = new Set(['%h:%p', '[%h]:%p']);

/**
 * The hop of a ProxyCommand that does what ProxyJump would: `ssh [-l USER] [-p PORT] -W %h:%p HOST`, or `ssh HOST nc %h %p`. Undefined for
 * any other command.
 */
export function hopOfCommand(command: readonly string[]): string | undefined {
  const words = command[0] === 'exec' ? command.slice(1) : [...command];
  if (basename(words.shift() ?? '') !== 'ssh') return undefined;
  let host: string | undefined;
  let user: string | undefined;
  let port: string | undefined;
  let isForwarded = false;
  for (;;) {
    const word = words.shift();
    if (word === undefined) break;
    const valued = /^-([Wlp])(.*)$/s.exec(word);
    if (valued !== null) {
      const value = valued[2] === '' ? words.shift() : valued[2];
      if (value === undefined) return undefined;
      if (valued[1] === 'l') user ??= value;
      else if (valued[1] === 'p') port ??= value;
      else if (TARGETS.has(value)) isForwarded = true;
      else return undefined;
    } else if (PLAIN_OPTION.test(word)) continue;
    else if (word.startsWith('-')) return undefined;
    else if (host === undefined) host = word;
    else if (/^(?:nc|netcat) %h %p$/.test([word, ...words.splice(0)].join(' '))) isForwarded = true;
    else return undefined;
  }
  if (host === undefined || !isForwarded) return undefined;
  return `${user === undefined || host.includes('@') ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
}
