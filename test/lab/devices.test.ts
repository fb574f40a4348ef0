import { beforeEach, describe, expect, it } from 'vitest';
import { startGuest } from './support/lab-guest.js';
import { hostA, hostB, type LabHost } from './support/lab-host.js';
import { moveWhole, otherHost } from './support/moved.js';
import { nothingLeft } from './support/nothing-left.js';
import { served } from './support/served.js';

/* A disk on storage that both hosts see, block device or file, and a network card on a bridge. */

const SHARED_DISK = '/dev/disk/by-id/virtio-shared';
const SHARED_FILE = '/srv/share/guest.img';
const SHARED_MB = 64;
const WRITE_MS = 120_000;
const PING_MS = 120_000;
const MAC = '00:16:3e:77:0a:0b';
/** As scripts/lab.d/guest/init gives it to its card. */
const GUEST_ADDRESS = '10.77.0.9';

interface Storage {
  readonly backend: 'phy' | 'qdisk';
  readonly target: string;
  /** What the host has for a guest that uses it. */
  readonly serves: readonly string[];
}

const BY_BLKBACK: Storage = { backend: 'phy', target: SHARED_DISK, serves: ['back end vbd'] };
const BY_QDISK: Storage = { backend: 'qdisk', target: SHARED_DISK, serves: ['back end qdisk', 'device model'] };
const IN_A_FILE: Storage = { backend: 'qdisk', target: SHARED_FILE, serves: ['back end qdisk', 'device model'] };

const disk = ({ backend, target }: Storage): string =>
  `disk=["format=raw,vdev=xvda,access=rw,backendtype=${backend},target=${target}"]`;
const VIF = `vif=["mac=${MAC},bridge=xenbr0"]`;

/**
 * How many blocks the guest has written, once there are more than `beyond`, read past every cache. The first block tells their
 * number; each of the others must hold its own.
 */
async function blocksBeyond(host: LabHost, target: string, beyond: number): Promise<number> {
  const line = await host.ok(
    `until n=$(dd if=${target} iflag=direct bs=512 count=1 2>/dev/null | tr -d '\\0' | head -1) && [ "\${n:-0}" -gt ${beyond} ]; do
       sleep 0.5
     done
     lost=$(dd if=${target} iflag=direct bs=64k count=$((n / 128 + 1)) 2>/dev/null | tr -d '\\0' | tail -n +2 |
       head -n "$n" | diff - <(seq "$n") | head -20)
     [ -z "$lost" ] && echo "$n" || { echo "of $n blocks: $lost" >&2; exit 1; }`,
    WRITE_MS,
  );
  return Number(line);
}

/** All that a guest said on a host: one that comes in is named otherwise at first, and so is its log. */
const logs = (name: string): string => `/var/log/xen/console/guest-${name}{,--incoming}.log 2>/dev/null`;

/** What the guest told last on its console on this host: so many of its blocks the disk has promised to keep. */
async function promisedBlocks(host: LabHost, name: string): Promise<number> {
  return Number(await host.ok(`cat ${logs(name)} | grep -ao ' disk [0-9]*' | tr -dc '0-9\\n' | sort -n | tail -1`));
}

/** What the guest itself found when it read its disk, from when it had written that many blocks on. */
async function readBackBeyond(host: LabHost, name: string, beyond: number): Promise<void> {
  const line = await host.ok(
    `until line=$(cat ${logs(name)} | grep -aE ' blocks [0-9]+ (whole|LOST)' |
       while read -r _ _ _ number word _; do [ "$number" -gt ${beyond} ] && echo "$word" && break; done) && [ -n "$line" ]; do
       sleep 0.5
     done; echo "$line"`,
    WRITE_MS,
  );
  expect(line.trim()).toMatch(/^whole/);
}

/** Both ends of a card have met: 4 is connected (io/xenbus.h). */
async function cardConnects(host: LabHost, name: string): Promise<void> {
  await host.ok(
    `until [ "$(xenstore-read /local/domain/0/backend/vif/$(xl domid ${name})/0/state)" = 4 ]; do sleep 0.5; done`,
    WRITE_MS,
  );
}

/** A packet goes to the guest and one comes back, from the host that it is on and from the other, over the wire. */
async function answersBothHosts(): Promise<void> {
  for (const host of [hostA, hostB]) {
    await host.ok(`until busybox ping -c 1 -W 2 ${GUEST_ADDRESS} >/dev/null; do sleep 0.2; done`, PING_MS);
  }
}

/** Moves the guest; then it has lost nothing that it wrote where it was, reads it itself, and writes on. */
async function moveAndLook(name: string, from: LabHost, storage: Storage, serves: readonly string[]): Promise<void> {
  const to = otherHost(from);
  await moveWhole({ name, from, uri: `xen+ssh://root@${to.name}/system` });
  const promised = await promisedBlocks(from, name);
  expect(promised).toBeGreaterThan(0);
  const written = await blocksBeyond(to, storage.target, promised);
  await readBackBeyond(to, name, written);
  expect(await served(to)).toEqual(serves);
  expect(await served(from)).toEqual([]);
}

/** S20, S41: our figures lie between what the kernel's own files said before and after; the guest writes all the while. */
async function countersAgree(host: LabHost, name: string): Promise<void> {
  const id = (await host.ok(`xl domid ${name}`)).trim();
  const read = `cat /sys/bus/xen-backend/devices/vbd-${id}-51712/statistics/wr_sect /sys/class/net/vif${id}.0/statistics/tx_bytes`;
  const lines = (
    await host.ok(
      `${read}; xenferry domblkstat ${name} xvda --json; xenferry domifstat ${name} ${MAC} --json; ${read}`,
      WRITE_MS,
    )
  ).trim();
  const [sectors, bytes, disk, card, sectorsAfter, bytesAfter] = lines.split('\n').map((line) => line.trim());
  const { wr_bytes: written } = JSON.parse(disk) as Record<string, string>;
  const { interface: ifname, rx_bytes: received } = JSON.parse(card) as Record<string, string>;
  expect(ifname).toBe(`vif${id}.0`);
  expect(Number(sectors)).toBeGreaterThan(0);
  expect(Number(written)).toBeGreaterThanOrEqual(Number(sectors) * 512);
  expect(Number(written)).toBeLessThanOrEqual(Number(sectorsAfter) * 512);
  expect(Number(bytes)).toBeGreaterThan(0);
  expect(Number(received)).toBeGreaterThanOrEqual(Number(bytes));
  expect(Number(received)).toBeLessThanOrEqual(Number(bytesAfter));
}

describe("a guest's devices move with it", () => {
  nothingLeft();
  // What an earlier guest wrote must not pass for this one's.
  beforeEach(async () => {
    await hostA.ok(
      `dd if=/dev/zero of=${SHARED_DISK} oflag=direct bs=1M count=${SHARED_MB} 2>/dev/null
       rm -f ${SHARED_FILE} && truncate -s ${SHARED_MB}M ${SHARED_FILE}`,
    );
    await hostB.ok(`test "$(stat -c %s ${SHARED_FILE})" = $((${SHARED_MB} * 1048576))`);
  });

  it('a disk by blkback and a card on a bridge, there and back: no block is lost, and packets find it', async () => {
    const { name } = await startGuest(hostA, 'disk', [disk(BY_BLKBACK), VIF]);
    const serves = [...BY_BLKBACK.serves, 'back end vif', 'card on the bridge'];
    await blocksBeyond(hostA, SHARED_DISK, 0);
    await cardConnects(hostA, name);
    await answersBothHosts();
    expect(await served(hostA)).toEqual(serves);
    await moveAndLook(name, hostA, BY_BLKBACK, serves);
    await cardConnects(hostB, name);
    await answersBothHosts();
    expect(await hostB.ok(`xl network-list ${name}`)).toContain(MAC);
    await countersAgree(hostB, name);
    await moveAndLook(name, hostB, BY_BLKBACK, serves);
    await answersBothHosts();
  });

  it.each([
    ['a file on a share', IN_A_FILE],
    ['a disk', BY_QDISK],
  ])('%s by qdisk, with the device model that serves it: no block is lost', async (_, storage) => {
    const { name } = await startGuest(hostA, 'disk', [disk(storage)]);
    await blocksBeyond(hostA, storage.target, 0);
    expect(await served(hostA)).toEqual(storage.serves);
    const refused = await hostA.run(`xenferry domblkstat ${name} xvda`, WRITE_MS);
    expect(refused).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('unsupported disk driver qemu') as string,
    });
    await moveAndLook(name, hostA, storage, storage.serves);
  });
});
