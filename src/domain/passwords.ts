import { isElement, type XmlElement } from '../xml/element.js';
import type { Domain } from './model.js';

function withoutPassword(device: XmlElement): XmlElement {
  if (device.name !== 'graphics' || !device.attributes.has('passwd')) return device;
  return { ...device, attributes: new Map([...device.attributes].filter(([name]) => name !== 'passwd')) };
}

/** The domain without the passwords of its displays: for logs, and for output by default. */
export function withoutPasswords(domain: Domain): Domain {
  return {
    ...domain,
    rest: domain.rest.map((child) =>
      child.name === 'devices'
        ? { ...child, children: child.children.map((node) => (isElement(node) ? withoutPassword(node) : node)) }
        : child,
    ),
  };
}
