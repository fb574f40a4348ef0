import { hostA, hostB } from '../support/lab-host.js';

/** Lines that were in the console's ring when the guest was suspended may be read at both hosts. */
const READ_TWICE_AT_MOST = 2;

/**
 * What a guest printed, lines of `NUMBER DIGEST` from all its consoles: two copies that run count on from the same tick, and
 * print the same numbers; memory that was lost prints another digest.
 * @throws where it was forked or changed
 */
export function checkStory(lines: readonly string[], digest: string): void {
  const numbers = lines.map((line) => {
    const [number, seen] = line.split(' ');
    if (seen !== digest) throw new Error(`tick ${number} has the digest ${seen}, not ${digest}`);
    return Number(number);
  });
  const twice = numbers.filter((number, index) => numbers.indexOf(number) !== index);
  if (twice.length > READ_TWICE_AT_MOST) throw new Error(`it ran twice: ticks ${twice.join(' ')} were printed twice`);
}

/** The guest's own story since that tick, from both hosts' logs of its console. @throws as `checkStory` */
export async function oneStory(name: string, since: number, digest: string): Promise<void> {
  const logs = `/var/log/xen/console/guest-${name}`;
  const lines: string[] = [];
  for (const host of [hostA, hostB]) {
    const out = await host.ok(
      `cat ${logs}.log ${logs}--incoming.log 2>/dev/null |
       grep -aoE 'tick [0-9]+ [0-9a-f]{32}' | awk '$2 > ${since} { print $2, $3 }'`,
    );
    lines.push(...out.split('\n').filter((one) => one !== ''));
  }
  checkStory(lines, digest);
}
