import { isElement, type XmlElement } from '../xml/element.js';
import type { Domain } from './model.js';

function withoutPassword(device: XmlElement): XmlElement {
  if (device.name !== 'graphics' || !device.attributes.has('passwd')) return device;
  return { ...device, attributes: new Map([...device.attributes].filter(([name]) => name !== 'passwd')) };
}

/** The domain as it is but for the passwords of its screens: for logs, and for all who do not ask for them. */
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
