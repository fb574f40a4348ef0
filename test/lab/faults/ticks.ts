import { hostA, hostB } from '../support/lab-host.js';

/** Lines that were in the console's ring when the guest was suspended may be read at both hosts. */
const READ_TWICE_AT_MOST = 2;

/**
 * The guest's own story, from both hosts' logs of its console since that tick: two copies that run count on from the same
 * tick, and print the same numbers; memory that was lost prints another digest.
 * @throws where it was forked or changed
 */
export async function oneStory(name: string, since: number, digest: string): Promise<void> {
  const numbers: number[] = [];
  for (const host of [hostA, hostB]) {
    const out = await host.ok(
      `cat /var/log/xen/console/guest-${name}.log /var/log/xen/console/guest-${name}--incoming.log 2>/dev/null |
       grep -aoE 'tick [0-9]+ [0-9a-f]{32}' | awk '$2 > ${since} { print $2, $3 }'`,
    );
    for (const line of out.split('\n').filter((one) => one !== '')) {
      const [number, seen] = line.split(' ');
      if (seen !== digest) throw new Error(`${host.name}: tick ${number} has the digest ${seen}, not ${digest}`);
      numbers.push(Number(number));
    }
  }
  const twice = numbers.filter((number, index) => numbers.indexOf(number) !== index);
  if (twice.length > READ_TWICE_AT_MOST) {
    throw new Error(`${name} ran twice: ticks ${twice.join(' ')} were printed twice`);
  }
}
