import type { Asker } from './dialing-options.js';

/**
 * Shares one user between many migrations: each passphrase is asked for once, one question at a time. An asker is for one migration; one that asks
 * for a file again got a wrong passphrase, and then the user is asked again.
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
        turn = answered.catch(() => undefined); // the requester gets the error
        return answered;
      },
    };
  };
}
