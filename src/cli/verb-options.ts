import { readFileSync } from 'node:fs';
import { UsageError } from '../errors/errors.js';

/** A flag that is off where it is not given. */
export const flag = (describe: string): { type: 'boolean'; default: false; describe: string } => ({
  type: 'boolean',
  default: false,
  describe,
});

/** `--json` of a verb that takes its time. */
export const jsonResultFlag = flag('one object as the result, progress as JSON lines on stderr');

/** The text of a file that the user names. @throws UsageError `E_USAGE_FILE` */
export function readUserFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError('E_USAGE_FILE', `cannot read ${path}`, {
      cause: error,
      hint: 'Name a file that you may read.',
    });
  }
}
