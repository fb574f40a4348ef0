/** A flag that is off by default. */
export const flag = (describe: string): { type: 'boolean'; default: false; describe: string } => ({
  type: 'boolean',
  default: false,
  describe,
});

/** `--json` of a long-running verb. */
export const jsonResultFlag = flag('one object as the result, progress as JSON lines on stderr');
