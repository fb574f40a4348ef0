import type { Asker } from './dialing-options.js';

/**
 * One person for many migrations: each passphrase is asked for once, one question at a time. An asker is for one migration; one that asks
 * for a file again was given a wrong passphrase, and then the person is asked again.
 */
export function sharedAsker({ environment, askPassphrase }: Asker): () => Asker {
  if (askPassphrase === undefined) return () => ({ environment, askPassphrase });
  const known = new Map<string, string | undefined>();
  let turn: Promise<unknown> = Promise.resolve();
  return () => {
    const given = new Set<string>();
    const answer = async (file: string): Promise<string | undefined> => {
      if (given.has(file) || !known.has(file)) known.set(file, await askPassphrase(file));
      given.add(file);
      return known.get(file);
    };
    return {
      environment,
      askPassphrase: (file) => {
        const answered = turn.then(() => answer(file));
        turn = answered.catch(() => undefined); // whoever asked hears of it
        return answered;
      },
    };
  };
}
