import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGuest } from './support/lab-guest.js';
import { hostA, hostB, type LabHost } from './support/lab-host.js';
import { moveWhole, otherHost } from './support/moved.js';
import { nothingLeft } from './support/nothing-left.js';
import { certify, serve, type Serving } from './support/serving.js';

const MOVES = 10;
const SETTLE_MS = 120_000;

/** Descriptors, threads and children of a daemon, by kind. */
async function heldBy(host: LabHost, pid: number): Promise<string> {
  return await host.ok(
    `for fd in /proc/${pid}/fd/*; do readlink $fd; done | sed 's/:.*//; s|/.*/|/|' | sort | uniq -c
     echo "$(ls /proc/${pid}/task | wc -l) threads"; echo "children: $(pgrep -P ${pid} | wc -l)"`,
  );
}

/**
 * What a daemon holds when it is at rest: nobody is connected to it any more, and two looks see the same. It takes a migration apart
 * for a moment after that has ended for whoever asked for it, and then makes an agent ready for the next one.
 */
async function heldAtRest(host: LabHost, pid: number, agents: number): Promise<string> {
  await host.ok(
    `while ss -Htnp state established | grep -q 'pid=${pid},'; do sleep 0.5; done
     until [ "$(pgrep -P ${pid} | wc -l)" -ge ${agents} ]; do sleep 0.5; done`,
    SETTLE_MS,
  );
  let held = await heldBy(host, pid);
  for (;;) {
    const again = await heldBy(host, pid);
    if (again === held) return held;
    held = again;
  }
}

async function settledHeld(host: LabHost, pid: number, wanted: string): Promise<string> {
  const until = Date.now() + SETTLE_MS;
  for (;;) {
    const held = await heldBy(host, pid);
    if (held === wanted || Date.now() > until) return held;
  }
}

describe('many migrations in a row', () => {
  const serving: Serving[] = [];
  // Outside the test, so that what the daemons themselves hold is there before it, and after.
  beforeAll(async () => {
    await certify(hostA, hostB);
    for (const host of [hostA, hostB]) {
      const one = await serve(host);
      serving.push(one);
      // It listens before its agents have opened libxl, and with it xenstored.
      await host.ok(
        `for agent in $(pgrep -P ${one.pid}); do
           while [ -d /proc/$agent ] && ! ls -l /proc/$agent/fd | grep -q /dev/xen/; do sleep 0.5; done
         done`,
        SETTLE_MS,
      );
    }
  });
  afterAll(async () => {
    for (const one of serving) await one[Symbol.asyncDispose]();
  });
  nothingLeft();

  it(`${MOVES} there and back leave no domain, process, descriptor, xenstore node or file on either host`, async () => {
    const { name } = await startGuest(hostA, 'pvh');
    const hosts = [hostA, hostB];
    let from = hostA;
    const held: string[] = [];
    const agents = await Promise.all(
      hosts.map(async (host, at) => Number(await host.ok(`pgrep -P ${serving[at].pid} | wc -l`))),
    );
    for (let move = 0; move < MOVES; move += 1) {
      const to = otherHost(from);
      const startedAt = Date.now();
      await moveWhole({ name, from, uri: `xen+tls://${to.name}/system`, options: '--live --tls-dir /root/tls' });
      process.stderr.write(`move ${move + 1} took ${Date.now() - startedAt} ms\n`);
      from = to;
      // After the first there and back both daemons hold what they keep for good.
      if (move === 1)
        for (const [at, host] of hosts.entries()) held.push(await heldAtRest(host, serving[at].pid, agents[at]));
    }
    for (const [at, host] of hosts.entries()) {
      expect(await settledHeld(host, serving[at].pid, held[at])).toBe(held[at]);
    }
  });
});
