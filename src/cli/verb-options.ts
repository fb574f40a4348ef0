/** A flag that is off where it is not given. */
export const flag = (describe: string): { type: 'boolean'; default: false; describe: string } => ({
  type: 'boolean',
  default: false,
  describe,
});

/** `--json` of a verb that takes its time. */
export const jsonResultFlag = flag('one object as the result, progress as JSON lines on stderr');
