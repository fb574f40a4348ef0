import { readdirSync, readFileSync } from 'node:fs';

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined; // it has ended
  }
}

/** The parent, and whether it still runs: a zombie holds no memory. */
function parentOf(pid: number): number | undefined {
  const stat = readProc(pid, 'stat');
  if (stat === undefined) return undefined;
  // The name stands in brackets and may have any character (proc_pid_stat(5)).
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? undefined : Number(parent);
}

/** The process and everything that it and its children have started, as far as it still runs. */
export function processTree(root: number): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)] as const));
  const tree = [root];
  for (const parent of tree) {
    for (const [pid, own] of parents) if (own === parent) tree.push(pid);
  }
  return tree;
}

function residentKib(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readProc(pid, 'status') ?? '');
  return Number(line?.[1] ?? 0);
}

/** Memory that these processes hold together; pages that they share count for each. */
export function residentMiB(pids: readonly number[]): number {
  return Math.round(pids.map(residentKib).reduce((sum, one) => sum + one, 0) / 1024);
}
