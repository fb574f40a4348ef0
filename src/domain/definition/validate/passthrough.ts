import type { Controller } from '../devices/controller.js';
import type { Device } from '../devices/device.js';
import type { Hostdev } from '../devices/hostdev.js';
import { Problems } from './problem.js';

/** xl.cfg(5), "usbctrl": "ports"; USBIF_MAX_PORTNR of public/io/usbif.h. */
const MAX_USB_PORTS = 31;

/** Checks a controller. @param path path of its element, for messages */
export function validateController(controller: Controller, others: readonly Device[], path: string): Problems {
  const problems = new Problems(path);
  const { type, index } = controller;
  if (type === 'usb') {
    const { model, ports } = controller;
    if (model !== undefined && model !== 'qusb1' && model !== 'qusb2') {
      problems.unsupported('@model', `'${model}' is not possible`, "Use 'qusb1' (USB 1.1) or 'qusb2' (USB 2.0).");
    }
    if (ports !== undefined && (ports < 1 || ports > MAX_USB_PORTS)) {
      problems.invalid('@ports', `${ports} is not from 1 to ${MAX_USB_PORTS}`, 'Correct it, or leave it out for 8.');
    }
  }
  const same = (other: Device): boolean =>
    other.kind === 'controller' && other.type === type && other.index === index && index !== undefined;
  if (others.some(same)) {
    problems.invalid('@index', `target ${type}:${String(index)} already exists`, 'Number the controllers.');
  }
  if (type === 'xenbus' && others.some((other) => other.kind === 'controller' && other.type === 'xenbus')) {
    problems.invalid('', 'a domain has one xenbus', 'Keep one.');
  }
  return problems;
}

/** The identity of the host's device, for comparison. */
function identityOf(hostdev: Hostdev): string {
  return JSON.stringify(hostdev.type === 'pci' ? hostdev.address : hostdev.identity);
}

/** Checks a device of the host. @param path path of its element, for messages */
export function validateHostdev(hostdev: Hostdev, others: readonly Device[], path: string): Problems {
  const problems = new Problems(path);
  const identity = identityOf(hostdev);
  if (others.some((other) => other.kind === 'hostdev' && identityOf(other) === identity)) {
    problems.invalid('source', "the host's device occurs more than once", 'Keep one.');
  }
  if (hostdev.type === 'usb' && hostdev.identity.by === 'product' && hostdev.identity.vendor === 0) {
    problems.invalid('source/vendor/@id', 'is 0, which is not a vendor', 'Take the id from lsusb.');
  }
  return problems;
}
