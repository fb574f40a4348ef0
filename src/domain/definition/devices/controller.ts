import { element, type XmlElement } from '../../../xml/element.js';
import type { ElementReader } from '../element-reader.js';

const OTHER_TYPES = ['ide', 'fdc', 'scsi', 'sata', 'pci', 'virtio-serial'] as const;
const MAX_INDEX = 65_535;

/** A controller of Xen's device model, which is not passed to libxl. */
export interface OtherController {
  readonly kind: 'controller';
  readonly type: (typeof OTHER_TYPES)[number];
  readonly index: number | undefined;
  readonly model: string | undefined;
}

/** A paravirtual USB controller (S21); `qusb1` is USB 1.1, `qusb2` USB 2.0. */
export interface UsbController {
  readonly kind: 'controller';
  readonly type: 'usb';
  /** Undefined until defaults are set, as are model and ports. */
  readonly index: number | undefined;
  readonly model: string | undefined;
  readonly ports: number | undefined;
}

/** Limits of the guest on event channels and grants (L07). */
export interface XenbusController {
  readonly kind: 'controller';
  readonly type: 'xenbus';
  readonly index: number | undefined;
  readonly maxGrantFrames: number | undefined;
  readonly maxEventChannels: number | undefined;
}

export type Controller = OtherController | UsbController | XenbusController;

/** Reads a `<controller>`. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readController(reader: ElementReader): Controller {
  const type = reader.needChoice('type', ['usb', 'xenbus', ...OTHER_TYPES]);
  const index = reader.integer('index', 0, MAX_INDEX);
  switch (type) {
    case 'usb':
      return {
        kind: 'controller',
        type,
        index,
        model: reader.attribute('model'),
        ports: reader.integer('ports', 0, MAX_INDEX),
      };
    case 'xenbus':
      return {
        kind: 'controller',
        type,
        index,
        maxGrantFrames: reader.integer('maxGrantFrames'),
        maxEventChannels: reader.integer('maxEventChannels'),
      };
    default:
      reader.skip('ports', 'vectors');
      return { kind: 'controller', type, index, model: reader.attribute('model') };
  }
}

/** The controller as `<controller>`. */
export function writeController(controller: Controller): XmlElement {
  const { type, index } = controller;
  switch (type) {
    case 'usb':
      return element('controller', { type, index, model: controller.model, ports: controller.ports });
    case 'xenbus': {
      const { maxGrantFrames, maxEventChannels } = controller;
      return element('controller', { type, index, maxGrantFrames, maxEventChannels });
    }
    default:
      return element('controller', { type, index, model: controller.model });
  }
}
