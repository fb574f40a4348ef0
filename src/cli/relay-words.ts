/**
 * The arguments from `xl migrate -s 'xenferry-ssh OPTIONS'`, as arguments of the verb `xl-relay`: xl's own
 * command, options and all, becomes one argument, so that they are not taken for ours.
 */
export function relayWords(given: readonly string[]): string[] {
  const command = given.findIndex((word, index) => index > 0 && word === 'xl');
  if (command < 0) return ['xl-relay', ...given];
  return ['xl-relay', ...given.slice(0, command), given.slice(command).join(' ')];
}
