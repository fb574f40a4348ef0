import { join } from 'node:path';
import { readKernelFile } from '../statistics/kernel-file.js';
import { readDnsmasqLeases } from './dnsmasq-leases.js';
import { badHostFile, readHostFile } from './host-file.js';
import type { Lease } from './lease.js';
import { readLibvirtStatus } from './libvirt-status.js';
import { ipv4Subnets, ipv6Subnets, type Subnet } from './subnets.js';

/** The lease files of a bridge, and its networks. */
export interface BridgeLeases {
  readonly leases: readonly Lease[];
  readonly subnets: readonly Subnet[];
  /** The lease files that exist, and all that were looked for. */
  readonly found: readonly string[];
  readonly lookedFor: readonly string[];
}

interface LeaseFile {
  readonly path: string;
  /** Undefined if the text is not a list of leases. */
  readonly read: (text: string) => Lease[] | undefined;
}

/**
 * libvirt's own file; the customary file of a dnsmasq that serves one bridge alone, as LXC's does; and those of a
 * dnsmasq that serves the whole host, as Debian and Fedora configure it.
 */
function filesOf(bridge: string): LeaseFile[] {
  return [
    { path: `var/lib/libvirt/dnsmasq/${bridge}.status`, read: readLibvirtStatus },
    { path: `var/lib/misc/dnsmasq.${bridge}.leases`, read: readDnsmasqLeases },
    { path: 'var/lib/misc/dnsmasq.leases', read: readDnsmasqLeases },
    { path: 'var/lib/dnsmasq/dnsmasq.leases', read: readDnsmasqLeases },
  ];
}

/**
 * Leases that DHCP servers of this host have granted on a bridge, expired ones included.
 * @throws SystemError `E_SYSTEM_DHCP_LEASES` for a file that cannot be read or is not a list of leases,
 * `E_SYSTEM_COUNTERS` for a kernel file; the signal's reason
 */
export async function leasesOn(
  bridge: string,
  roots: { readonly hostFiles: string; readonly kernelFiles: string },
  signal: AbortSignal,
): Promise<BridgeLeases> {
  let leases: readonly Lease[] = [];
  const found: string[] = [];
  const files = filesOf(bridge).map(({ path, read }) => ({ path: join(roots.hostFiles, path), read }));
  for (const { path, read } of files) {
    const text = await readHostFile(path, signal);
    if (text === undefined) continue;
    found.push(path);
    const lent = read(text);
    if (lent === undefined) throw badHostFile(path, 'is not a list of leases');
    leases = [...leases, ...lent];
  }
  const kernel = async (name: string): Promise<string> =>
    (await readKernelFile(join(roots.kernelFiles, 'proc/net', name))) ?? '';
  return {
    leases,
    subnets: [...ipv4Subnets(await kernel('route'), bridge), ...ipv6Subnets(await kernel('if_inet6'), bridge)],
    found,
    lookedFor: files.map(({ path }) => path),
  };
}
