import { expect } from 'vitest';
import { hostA, hostB, type LabHost } from './lab-host.js';
import { lastTick, tickBeyond, TICKS_A_DIGEST } from './lab-guest.js';

/** Emulated hosts on a machine that does other things as well. */
const MIGRATE_MS = 800_000;
/** Options of `migrate` that let it wait as long as an emulated host may take. */
export const PATIENCE = ['connect', 'prepare', 'stall', 'restore', 'finish', 'ask', 'call']
  .map((wait) => `--deadline ${wait}=400`)
  .join(' ');

export function otherHost(host: LabHost): LabHost {
  return host === hostA ? hostB : hostA;
}

export interface Move {
  readonly name: string;
  readonly from: LabHost;
  readonly uri: string;
  readonly options?: string;
  /** As it is named when it has arrived. */
  readonly newName?: string;
}

/** Migrates a guest and checks that it came over whole and is nowhere else. Gives what `--json` said. */
export async function moveWhole(move: Move): Promise<Record<string, unknown>> {
  const { name, from, uri, options = '--live', newName = name } = move;
  const to = otherHost(from);
  const { status, stdout, stderr } = await from.run(
    `xenferry migrate ${options} ${PATIENCE} ${name} ${uri} --json --progress none`,
    MIGRATE_MS,
  );
  expect(status, `${from.name}: ${stdout}${stderr.slice(-4000)}`).toBe(0);
  const result: unknown = JSON.parse(stdout);
  expect(result).toMatchObject({ result: 'done', running: true });

  const left = await lastTick(from, name);
  expect(await from.domains()).toEqual([]);
  expect(await to.domains()).toEqual([newName]);
  // The digest that it prints is drawn from memory that came over only from here on.
  const arrived = await tickBeyond(to, newName, left.number + TICKS_A_DIGEST);
  expect(arrived.digest).toBe(left.digest);
  return result as Record<string, unknown>;
}
