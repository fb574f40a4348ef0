import { join } from 'node:path';
import type { Interface } from '../../domain/definition/devices/interface.js';
import { messageOf } from '../../errors/message-of.js';
import { childNamed } from '../../xml/element.js';
import { parseXml } from '../../xml/parse.js';
import { readHostFile } from './host-file.js';

/** The bridge that a card is on, or the reason why it is unknown. */
export type BridgeFound = { readonly bridge: string } | { readonly why: string };

/**
 * The bridge of this host that a card is attached to. A virtual network's bridge is read from libvirt's files, of the
 * running network and of the defined one.
 * @param root root folder of the host's files
 * @throws SystemError `E_SYSTEM_DHCP_LEASES` for a network's file that cannot be read; the signal's reason
 */
export async function bridgeOf(
  { source, backendDomain }: Interface,
  root: string,
  signal: AbortSignal,
): Promise<BridgeFound> {
  if (backendDomain !== undefined) return { why: `domain ${backendDomain} serves it: ask there` };
  switch (source.type) {
    case 'ethernet':
      return { why: 'it is on no bridge' };
    case 'bridge':
      return checked(source.bridge);
    case 'network':
      return bridgeOfNetwork(source.network, root, signal);
  }
}

async function bridgeOfNetwork(network: string, root: string, signal: AbortSignal): Promise<BridgeFound> {
  const shown = JSON.stringify(network);
  if (network.includes('/') || network.length > 255) return { why: `${shown} is not a valid network name` };
  const paths = [`run/libvirt/network/${network}.xml`, `etc/libvirt/qemu/networks/${network}.xml`].map((path) =>
    join(root, path),
  );
  for (const path of paths) {
    const text = await readHostFile(path, signal);
    if (text === undefined) continue;
    try {
      const document = parseXml(text);
      // The file of a running network wraps the definition in its state.
      const definition = childNamed(document, 'network') ?? document;
      const bridge = childNamed(definition, 'bridge')?.attributes.get('name');
      return bridge === undefined ? { why: `network ${shown} has no bridge: ${path}` } : checked(bridge);
    } catch (error) {
      return { why: `${path} is not a libvirt network: ${messageOf(error)}` };
    }
  }
  return { why: `network ${shown} is not known here: there is no ${paths.join(' and no ')}` };
}

/**
 * The name becomes part of file names: only a valid name of a Linux network device is accepted (net/core/dev.c,
 * dev_valid_name).
 */
function checked(bridge: string): BridgeFound {
  if (/^[^\s/:\p{Cc}]{1,15}$/u.test(bridge) && bridge !== '.' && bridge !== '..') return { bridge };
  return { why: `${JSON.stringify(bridge)} is not a valid bridge name` };
}
