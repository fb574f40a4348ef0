import { isModel } from './cpu.js';
import { devicePaths, writeDevice, type Device } from './devices/device.js';
import type { Definition } from './model.js';

/* What is read, kept and shown, and makes no difference to a guest under Xen: said once, when a person defines it. */

/** What a definition asks for in vain, in sentences with paths. */
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
    ...vain.map(
      ({ name }) => `/domain/features/hyperv/${name}: is a setting of Xen's for all guests, and is passed over`,
    ),
    ...(power !== undefined && type !== 'hvm' ? [`/domain/pm: is kept; a ${type} guest has no such states`] : []),
    ...devices.flatMap((device, index) => deviceNotes(device, paths[index])),
  ];
}

/** The same of one device. */
export function deviceNotes(device: Device, path: string): string[] {
  if (device.kind !== 'hostdev' || device.type !== 'pci' || device.card?.mac === undefined) return [];
  return [
    `${path}/mac: the host's card is handed over with the address that it has; set ${device.card.mac} on the host before (ip link set PF vf N mac)`,
  ];
}
