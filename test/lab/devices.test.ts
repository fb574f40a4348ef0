import { beforeEach, describe, expect, it } from 'vitest';
import { lastTick, startGuest } from './support/lab-guest.js';
import { hostA, hostB, type LabHost } from './support/lab-host.js';
import { moveWhole, otherHost } from './support/moved.js';
import { nothingLeft } from './support/nothing-left.js';

/* A disk on storage that both hosts see, and a network card on a bridge. */

const SHARED = '/dev/disk/by-id/virtio-shared';
const WRITE_MS = 120_000;
const MAC = '00:16:3e:77:0a:0b';

const disk = (backend: 'phy' | 'qdisk'): string =>
  `disk=["format=raw,vdev=xvda,access=rw,backendtype=${backend},target=${SHARED}"]`;
const VIF = `vif=["mac=${MAC},bridge=xenbr0"]`;

/** The number that the guest wrote last, read past every cache; waits until it is above `beyond`. */
async function writtenBeyond(host: LabHost, beyond: number): Promise<number> {
  const line = await host.ok(
    `until n=$(dd if=${SHARED} iflag=direct bs=512 count=1 2>/dev/null | tr -d '\\0' | head -1) && [ "\${n:-0}" -gt ${beyond} ]; do
       sleep 0.5
     done; echo "$n"`,
    WRITE_MS,
  );
  return Number(line);
}

/** What a host serves guests with: back ends in xenstore, their interfaces, device models. */
async function served(host: LabHost): Promise<string[]> {
  const out = await host.ok(
    `for kind in vbd qdisk vif; do
       for domid in $(xenstore-list /local/domain/0/backend/$kind 2>/dev/null); do echo "back end $kind"; done
     done
     ip -o link show master xenbr0 | grep -o 'vif[0-9.]*' | sed 's/.*/card on the bridge/'
     pgrep -f qemu-syste[m] >/dev/null && echo 'device model'
     true`,
  );
  return out.split('\n').filter((line) => line !== '');
}

/** Both ends of a card have met: 4 is connected (io/xenbus.h). */
async function cardConnects(host: LabHost, name: string): Promise<void> {
  await host.ok(
    `until [ "$(xenstore-read /local/domain/0/backend/vif/$(xl domid ${name})/0/state)" = 4 ]; do sleep 0.5; done`,
    WRITE_MS,
  );
}

async function moveAndLook(name: string, from: LabHost, serves: readonly string[]): Promise<void> {
  const to = otherHost(from);
  await moveWhole({ name, from, uri: `xen+ssh://root@${to.name}/system` });
  // It writes where it is now, and has lost nothing that it wrote where it was.
  const left = await lastTick(from, name);
  expect(await writtenBeyond(to, left.number)).toBeGreaterThan(left.number);
  expect(await served(to)).toEqual(serves);
  expect(await served(from)).toEqual([]);
}

describe("a guest's devices move with it", () => {
  nothingLeft();
  // What an earlier guest wrote must not pass for this one's.
  beforeEach(async () => {
    await hostA.ok(`dd if=/dev/zero of=${SHARED} oflag=direct bs=512 count=1`);
  });

  it('a disk by blkback and a card on a bridge, there and back', async () => {
    const { name } = await startGuest(hostA, 'disk', [disk('phy'), VIF]);
    const serves = ['back end vbd', 'back end vif', 'card on the bridge'];
    await writtenBeyond(hostA, 0);
    await cardConnects(hostA, name);
    expect(await served(hostA)).toEqual(serves);
    await moveAndLook(name, hostA, serves);
    await cardConnects(hostB, name);
    expect(await hostB.ok(`xl network-list ${name}`)).toContain(MAC);
    await moveAndLook(name, hostB, serves);
  });

  it('a disk by qdisk, with the device model that serves it', async () => {
    const { name } = await startGuest(hostA, 'disk', [disk('qdisk')]);
    await writtenBeyond(hostA, 0);
    const serves = ['back end qdisk', 'device model'];
    expect(await served(hostA)).toEqual(serves);
    await moveAndLook(name, hostA, serves);
  });
});
