import type { LabHost } from './lab-host.js';

/** What a host serves guests with: back ends in xenstore, their interfaces, device models. */
export async function served(host: LabHost): Promise<string[]> {
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
