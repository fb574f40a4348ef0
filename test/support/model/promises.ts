import { DEST_FINAL } from '../../../src/handover/dest-side.js';
import { SOURCE_FINAL } from '../../../src/handover/source-side.js';
import type { World } from './world.js';

const isOver = ({ source, dest }: World): boolean =>
  source.acts.length === 0 &&
  dest.acts.length === 0 &&
  (source.mem === undefined || SOURCE_FINAL.has(source.mem)) &&
  (source.durable === undefined ||
    SOURCE_FINAL.has(source.durable) ||
    (source.mem !== undefined && SOURCE_FINAL.has(source.mem))) &&
  dest.mem === undefined &&
  (dest.durable === undefined || DEST_FINAL.has(dest.durable));

/** The destination committed and its host went down since: what is right is for a person to say, unless the source has let go. */
const isForAPerson = ({ source, dest }: World): boolean =>
  dest.wentDown &&
  dest.durable === 'committed' &&
  dest.copy === 'none' &&
  dest.mem === undefined &&
  ((source.mem ?? source.durable) === 'released' || (source.guest === 'suspended' && source.durable === 'in-doubt'));

/** Nothing more needs to happen. */
export const isSettled = (world: World): boolean => isOver(world) || isForAPerson(world);

/** What the handover promises, and this world does not keep. */
export function promisesBrokenBy(world: World): string[] {
  const { source, dest } = world;
  const broken: string[] = [];
  const isThere = dest.copy === 'paused' || dest.copy === 'running';
  if (source.guest === 'running' && dest.copy === 'running') broken.push('two copies run');
  if (source.guest === 'running' && dest.ran) broken.push('the source runs what has run at the destination');
  if (source.guest === 'gone' && !isThere && !dest.wentDown) broken.push('no copy is left');
  if (dest.copy === 'running' && dest.changed) broken.push('a guest runs that arrived changed');
  if (dest.durable === 'committed' && !isThere && !dest.wentDown) broken.push('the commit stands without its guest');
  if (dest.lied) broken.push('committed was answered without a guest');
  if (!isOver(world)) return broken;
  const wasLost = dest.wentDown && dest.ran;
  if (source.guest === 'suspended' && dest.copy !== 'running' && !wasLost) broken.push('settled, and nothing runs');
  if (source.guest === 'running' && isThere) broken.push('settled, and a copy is left at the destination');
  if (source.mem === 'retained' && dest.copy === 'running') broken.push('the source says that it kept what has left');
  return broken;
}
