import type { LabHost } from './lab-host.js';

const SETTLE_MS = 120_000;

/*
 * Domains, their xenstore nodes, programs, descriptors of the daemons that live on, and files: one line
 * for each. Domain 0's own, which libxl makes once and keeps, are left out; so are journals, which stay by design.
 */
const LOOK = `
  xl list | tail -n +3 | sed 's/^/domain /; s/ *[0-9]* *[0-9]* *[0-9]* *[-a-z]* *[0-9.]*$//'
  for node in /local/domain /libxl /vm; do
    xenstore-list $node 2>/dev/null | grep -vE '^(0|0{8}-.*)$' | sed "s|^|node $node/|"
  done
  ps -eo args | grep -E '^(/[^ ]*/)?(node|xl|qemu-system-[^ ]*|libxl-save-helper|socat)( |$)' | sed 's/^/program /'
  for daemon in oxenstored xenconsoled; do
    pid=$(pgrep -o $daemon) && echo "descriptors of $daemon: $(ls /proc/$pid/fd | wc -l)"
  done
  ls -d /run/xenferry/* /var/lib/xen/*userdata* /tmp/xenferry* 2>/dev/null | sed 's/^/file /'
  true`;

/** What a host has beside itself. */
export async function remains(host: LabHost): Promise<string[]> {
  return (await host.ok(LOOK)).trim().split('\n').sort();
}

/** The same, once it has become `wanted`, or as it still is when that took too long. */
export async function settledRemains(host: LabHost, wanted: readonly string[]): Promise<string[]> {
  const until = Date.now() + SETTLE_MS;
  for (;;) {
    // Each look takes a second: an ssh command that starts a dozen programs.
    const found = await remains(host);
    if (found.join('\n') === wanted.join('\n') || Date.now() > until) return found;
  }
}
