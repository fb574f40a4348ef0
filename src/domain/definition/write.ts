import { element, type XmlElement } from '../../xml/element.js';
import { formatXml } from '../../xml/format.js';
import { formatCpuSet } from '../cpu-set.js';
import type { Domain } from '../model.js';
import { writeClock } from './clock.js';
import { writeCpu } from './cpu.js';
import { writeDevice, type Device } from './devices/device.js';
import { writeFeatures } from './features.js';
import type { Definition } from './model.js';
import { writeNumaTune } from './numatune.js';
import { writeOs } from './os.js';
import { writePower } from './power.js';
import { XEN_NS } from './read.js';

function textElement(name: string, text: string | undefined): XmlElement[] {
  return text === undefined ? [] : [element(name, {}, text === '' ? [] : [text])];
}

function tune({ pins, cpuShares }: Definition): XmlElement[] {
  if (pins.length === 0 && cpuShares === undefined) return [];
  return [
    element('cputune', {}, [
      ...textElement('shares', cpuShares === undefined ? undefined : String(cpuShares)),
      ...pins.map(({ vcpu, cpus }) => element('vcpupin', { vcpu, cpuset: formatCpuSet(cpus) })),
    ]),
  ];
}

function args({ deviceModelArgs }: Definition): XmlElement[] {
  if (deviceModelArgs.length === 0) return [];
  return [
    element(
      'xen:commandline',
      { 'xmlns:xen': XEN_NS },
      deviceModelArgs.map((value) => element('xen:arg', { value })),
    ),
  ];
}

/** The definition as a domain; `readDefinition` of it gives the same definition. */
export function toDomain(definition: Definition): Domain {
  const { lifecycle, emulator, devices } = definition;
  const { name, uuid, type, memoryMaxKiB, memoryCurrentKiB, vcpusMax, vcpusCurrent, vcpuCpuset, metadata } = definition;
  return {
    name,
    uuid,
    type,
    memoryMaxKiB,
    memoryCurrentKiB,
    vcpusMax,
    vcpusCurrent,
    ...(vcpuCpuset === undefined ? {} : { vcpuCpuset }),
    metadata,
    rest: [
      ...textElement('genid', definition.genid),
      ...textElement('title', definition.title),
      ...textElement('description', definition.description),
      ...tune(definition),
      ...writeNumaTune(definition.cpu, definition.numaTuneRest),
      ...writeOs(definition.os, type),
      ...writeFeatures(definition.features),
      ...(definition.cpu === undefined ? [] : [writeCpu(definition.cpu)]),
      writeClock(definition.clock),
      ...textElement('on_poweroff', lifecycle.onPoweroff),
      ...textElement('on_reboot', lifecycle.onReboot),
      ...textElement('on_crash', lifecycle.onCrash),
      ...writePower(definition.power),
      element('devices', {}, [...textElement('emulator', emulator), ...devices.map(writeDevice)]),
      ...args(definition),
      ...definition.foreign,
    ],
  };
}

/** The device as XML text, as for hotplug. */
export function formatDeviceXml(device: Device): string {
  return formatXml(writeDevice(device));
}
