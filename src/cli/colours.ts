import process from 'node:process';
import pc from 'picocolors';

/**
 * The colours for one output. Only for a terminal that shows them: a build server that sets CI gets
 * none, since its logs are read by scripts as well. https://no-color.org and FORCE_COLOR are obeyed.
 */
export function coloursFor(
  output: { readonly isTTY?: boolean },
  env: NodeJS.ProcessEnv = process.env,
): ReturnType<typeof pc.createColors> {
  const forbidden = (env.NO_COLOR ?? '') !== '';
  const forced = !['', '0', 'false'].includes(env.FORCE_COLOR ?? '');
  return pc.createColors(!forbidden && (forced || (output.isTTY === true && env.TERM !== 'dumb')));
}

/** The colours for standard output. */
export const outColours = coloursFor(process.stdout);
/** The colours for standard error. */
export const noteColours = coloursFor(process.stderr);
