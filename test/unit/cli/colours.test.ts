import { describe, expect, it } from 'vitest';
import { coloursFor } from '../../../src/cli/colours.js';

const coloured = (isTTY: boolean, env: NodeJS.ProcessEnv): boolean => coloursFor({ isTTY }, env).isColorSupported;

describe('colours', () => {
  it('are for terminals that show them', () => {
    expect(coloured(true, { TERM: 'xterm' })).toBe(true);
    expect(coloured(true, { TERM: 'dumb' })).toBe(false);
    expect(coloured(false, { TERM: 'xterm' })).toBe(false);
  });

  it('are not for the log of a build server', () => {
    expect(coloured(false, { CI: 'true', GITHUB_ACTIONS: 'true' })).toBe(false);
  });

  it('go where NO_COLOR is set, and come where FORCE_COLOR is', () => {
    expect(coloured(true, { TERM: 'xterm', NO_COLOR: '1' })).toBe(false);
    expect(coloured(true, { FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(false);
    expect(coloured(false, { FORCE_COLOR: '1' })).toBe(true);
    expect(coloured(false, { FORCE_COLOR: '0' })).toBe(false);
  });
});
