import { hostA, hostB, type LabHost } from '../support/lab-host.js';
import { certify, serve } from '../support/serving.js';

const START_MS = 400_000;

export type GuestKind = 'pvh' | 'busy' | 'large';

/** Memory in MiB and what the guest does (scripts/lab.d/guest/init), with fine ticks. All have one processor, and are PVH. */
export const GUESTS: Readonly<Record<GuestKind, { memoryMiB: number; cmdline: string }>> = {
  pvh: { memoryMiB: 128, cmdline: 'console=hvc0 quiet lab.fine' },
  busy: { memoryMiB: 96, cmdline: 'console=hvc0 quiet lab.busy lab.fine' },
  large: { memoryMiB: 512, cmdline: 'console=hvc0 quiet lab.fill lab.fine' },
};

/** One way to move a guest from host A to host B. */
export interface Contender {
  /** Once, before its first run. */
  readonly prepare: () => Promise<void>;
  /** Starts a guest on host A. */
  readonly start: (name: string, kind: GuestKind) => Promise<void>;
  /** The command for host A. */
  readonly move: (name: string) => string;
  /** Once, at the end. */
  readonly close: () => Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

async function createWithXl(name: string, kind: GuestKind): Promise<void> {
  const { memoryMiB, cmdline } = GUESTS[kind];
  await hostA.ok(
    `cd /root/guests && xl create -q pvh.cfg 'name="${name}"' 'extra="${cmdline}"' memory=${memoryMiB}`,
    START_MS,
  );
}

const plain = { prepare: nothing, start: createWithXl, close: nothing };

const libvirtd = (host: LabHost, command: string): Promise<string> => host.ok(command, START_MS);

/** Daemons on both hosts, as virsh has its own; they run as long as xenferry is measured. */
class Daemons {
  readonly #serving: AsyncDisposable[] = [];

  readonly start = async (): Promise<void> => {
    if (this.#serving.length > 0) return;
    await certify(hostA, hostB);
    // One by one: where the second does not start, the first is ended all the same.
    for (const host of [hostA, hostB]) this.#serving.push(await serve(host));
  };

  readonly stop = async (): Promise<void> => {
    await Promise.all(this.#serving.splice(0).map((serving) => serving[Symbol.asyncDispose]()));
  };
}

const daemons = new Daemons();
const ours = { prepare: daemons.start, start: createWithXl, close: daemons.stop };

/** As libvirt has it; both daemons run only as long as they are measured. */
const virshTunnelled: Contender = {
  prepare: nothing,
  start: async (name, kind) => {
    await Promise.all([hostA, hostB].map((host) => libvirtd(host, 'lab-libvirtd')));
    const { memoryMiB, cmdline } = GUESTS[kind];
    const xml = `<domain type="xen"><name>${name}</name><memory unit="MiB">${memoryMiB}</memory><vcpu>1</vcpu>
      <os><type arch="x86_64" machine="xenpvh">xenpvh</type><kernel>/root/guests/vmlinuz</kernel>
      <initrd>/root/guests/initramfs</initrd><cmdline>${cmdline}</cmdline></os>
      <devices><console type="pty"><target type="xen"/></console></devices></domain>`;
    await hostA.ok(
      `cat >/tmp/${name}.xml <<'XML'\n${xml}\nXML\nvirsh -q -c xen:///system create /tmp/${name}.xml`,
      START_MS,
    );
  },
  move: (name) => `virsh -q -c xen:///system migrate --live --p2p --tunnelled ${name} xen+ssh://root@host-b/system`,
  close: async () => {
    await Promise.all([hostA, hostB].map((host) => libvirtd(host, 'kill "$(cat /run/libvirtd.pid)" || true')));
  },
};

export const CONTENDERS: Readonly<Record<string, Contender>> = {
  'xenferry-tls': {
    ...ours,
    move: (name) => `xenferry migrate --live --tls-dir /root/tls ${name} xen+tls://host-b/system --progress none`,
  },
  'xenferry-ssh+tls': {
    ...ours,
    move: (name) => `xenferry migrate --live ${name} xen+ssh://root@host-b/system --progress none`,
  },
  xl: { ...plain, move: (name) => `xl migrate ${name} host-b` },
  'virsh-tunnelled': virshTunnelled,
};
