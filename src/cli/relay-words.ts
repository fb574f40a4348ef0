/**
 * What `xl migrate -s 'xenferry-ssh OPTIONS'` calls us with, as words of the verb `xl-relay`: xl's own
 * command, options and all, becomes one word, so that they are not taken for ours.
 */
export function relayWords(given: readonly string[]): string[] {
  const command = given.findIndex((word, index) => index > 0 && word === 'xl');
  if (command < 0) return ['xl-relay', ...given];
  return ['xl-relay', ...given.slice(0, command), given.slice(command).join(' ')];
}
