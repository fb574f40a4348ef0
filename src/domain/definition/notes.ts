import { isModel } from './cpu.js';
import { devicePaths, writeDevice, type Device } from './devices/device.js';
import type { Definition } from './model.js';

/* Settings that are read, kept and shown, and have no effect on a guest under Xen: reported once, when the domain is defined. */

/** Settings of a definition without effect, as sentences with paths. */
export function notesOf(definition: Definition): string[] {
  const { cpu, devices, features, power, type } = definition;
  const paths = devicePaths(devices.map(writeDevice));
  const model = cpu?.model === undefined ? 'a model' : `the model ${cpu.model}`;
  const vain = (features.hyperv?.states ?? []).filter(
    ({ name, on }) => on && (name === 'spinlocks' || name === 'vendor_id'),
  );
  return [
    ...(cpu !== undefined && isModel(cpu)
      ? [
          `/domain/cpu: Xen shows each guest the host's own processor: ${model} and its features are not applied; use mode='host-passthrough' and <feature>s`,
        ]
      : []),
    ...(cpu?.topology === undefined ? [] : ['/domain/cpu/topology: is kept, and Xen shows the guest another one']),
    ...vain.map(({ name }) => `/domain/features/hyperv/${name}: is a setting of Xen for all guests, and is ignored`),
    ...(power !== undefined && type !== 'hvm' ? [`/domain/pm: is kept; a ${type} guest has no such states`] : []),
    ...devices.flatMap((device, index) => deviceNotes(device, paths[index])),
  ];
}

/** Settings of one device without effect, as sentences with the path. */
export function deviceNotes(device: Device, path: string): string[] {
  if (device.kind !== 'hostdev' || device.type !== 'pci' || device.card?.mac === undefined) return [];
  return [
    `${path}/mac: the host's card is handed over with the address that it has; set ${device.card.mac} on the host before (ip link set PF vf N mac)`,
  ];
}
