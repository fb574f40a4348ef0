import { describe, expect, it } from 'vitest';
import { sharedAsker } from '../../../src/cli/shared-asker.js';

const environment = { home: '/home/me', user: 'me', uid: 7 };

describe('one person who is asked by many', () => {
  it('is asked once for each file, one question at a time', async () => {
    const asked: string[] = [];
    let under = 0;
    const asker = sharedAsker({
      environment,
      askPassphrase: async (file) => {
        under += 1;
        expect(under).toBe(1);
        await new Promise(setImmediate);
        under -= 1;
        asked.push(file);
        return `open ${file}`;
      },
    });
    const ask = async (file: string): Promise<string | undefined> => await asker().askPassphrase?.(file);
    const answers = await Promise.all([ask('a'), ask('b'), ask('a')]);
    expect(answers).toEqual(['open a', 'open b', 'open a']);
    expect(asked).toEqual(['a', 'b']);
  });

  it('is asked again where the answer was wrong, and by nobody else then', async () => {
    const answers = ['wrong', 'right'];
    const asker = sharedAsker({ environment, askPassphrase: () => Promise.resolve(answers.shift()) });
    const first = asker();
    expect(await first.askPassphrase?.('key')).toBe('wrong');
    expect(await first.askPassphrase?.('key')).toBe('right');
    expect(await asker().askPassphrase?.('key')).toBe('right');
  });

  it('who has none is not asked for it again', async () => {
    let asked = 0;
    const asker = sharedAsker({
      environment,
      askPassphrase: () => {
        asked += 1;
        return Promise.resolve(undefined);
      },
    });
    for (let times = 0; times < 3; times += 1) expect(await asker().askPassphrase?.('key')).toBeUndefined();
    expect(asked).toBe(1);
  });

  it('is not there without a terminal', () => {
    expect(sharedAsker({ environment, askPassphrase: undefined })().askPassphrase).toBeUndefined();
  });
});
