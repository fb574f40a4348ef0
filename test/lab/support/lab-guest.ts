import { quoted, type LabHost } from './lab-host.js';

/** A line of a guest's console: its ticks go on for as long as it lives, its digest tells of its memory. */
export interface Tick {
  readonly number: number;
  readonly digest: string;
}

/** As scripts/lab.d/guest/init has it: the digest is drawn anew at every tenth tick. */
export const TICKS_A_DIGEST = 10;

const BOOT_MS = 400_000;
const TICK_MS = 300_000;

let count = 0;

/** Starts one of the lab's guests with xl, as an operator would; resolves once it ticks. */
export async function startGuest(
  host: LabHost,
  kind: 'pvh' | 'hvm' | 'pv' | 'busy' | 'disk',
  extra: readonly string[] = [],
): Promise<{ name: string; tick: Tick }> {
  const name = `${kind}${process.pid}x${++count}`;
  const settings = [`name="${name}"`, ...extra].map(quoted).join(' ');
  await host.ok(`cd /root/guests && xl create -q ${kind}.cfg ${settings}`, BOOT_MS);
  return { name, tick: await tickBeyond(host, name, 0, BOOT_MS) };
}

/**
 * The first tick after number `beyond` that the guest prints on this host. A guest that comes in has
 * another name while it does, and its log on that host keeps it.
 */
export async function tickBeyond(host: LabHost, name: string, beyond: number, deadlineMs = TICK_MS): Promise<Tick> {
  const log = `/var/log/xen/console/guest-${name}`;
  const line = await host.ok(
    `until file=$(ls -t ${log}.log ${log}--incoming.log 2>/dev/null | head -1) && [ -n "$file" ]; do sleep 0.5; done
     while read -r _ _ word number digest _; do
       [ "$word" = tick ] && [ "$number" -gt ${beyond} ] && echo "$number $digest" && exit 0
     done < <(exec tail -n 400 -F "$file" 2>/dev/null)
     exit 1`,
    deadlineMs,
  );
  return tickIn(line);
}

/** The last tick that the guest printed on this host. */
export async function lastTick(host: LabHost, name: string): Promise<Tick> {
  const log = `/var/log/xen/console/guest-${name}`;
  const out = await host.ok(
    `tail -qn 50 $(ls -tr ${log}.log ${log}--incoming.log 2>/dev/null) | grep -a ' tick ' | tail -1`,
  );
  return tickIn(out);
}

function tickIn(line: string): Tick {
  const found = /(\d+) ([0-9a-f]{32})\s*$/.exec(line);
  if (found === null) throw new Error(`no tick: ${line}`);
  const [, number, digest] = found;
  return { number: Number(number), digest };
}
