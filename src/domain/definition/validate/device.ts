import type { Device } from '../devices/device.js';
import type { Definition } from '../model.js';
import { validateCharacter } from './character.js';
import { validateDisk } from './disk.js';
import { validateDisplay } from './display.js';
import { validateInterface } from './interface.js';
import { validateController, validateHostdev } from './passthrough.js';
import { Problems, type DefinitionProblem } from './problem.js';

/**
 * Errors of one device in this domain (S07); for hotplug too, before the toolstack is called.
 * @param others the other devices of the domain
 */
export function validateDevice(
  device: Device,
  definition: Definition,
  others: readonly Device[] = definition.devices.filter((other) => other !== device),
  path = `/${device.kind === 'opaque' ? device.element.name : device.kind}`,
): readonly DefinitionProblem[] {
  return check(device, definition, others, path).found;
}

function check(device: Device, definition: Definition, others: readonly Device[], path: string): Problems {
  switch (device.kind) {
    case 'disk':
      return validateDisk(device, definition, others, path);
    case 'interface':
      return validateInterface(device, definition, others, path);
    case 'console':
    case 'serial':
    case 'parallel':
    case 'channel':
      return validateCharacter(device, definition, others, path);
    case 'graphics':
    case 'video':
    case 'input':
    case 'sound':
      return validateDisplay(device, definition, path);
    case 'controller':
      return validateController(device, others, path);
    case 'hostdev':
      return validateHostdev(device, others, path);
    case 'memballoon': {
      const problems = new Problems(path);
      if (device.model !== 'xen') {
        problems.unsupported(
          '@model',
          `'${device.model}' is not possible: every Xen guest has Xen's balloon`,
          "Use model='xen'.",
        );
      }
      return problems;
    }
    case 'opaque': {
      const problems = new Problems(path);
      if (!device.passedOver) problems.unsupported('', device.why, 'Take the device out of the definition.');
      return problems;
    }
  }
}
