import { join } from 'node:path';
import type { Interface } from '../../domain/definition/devices/interface.js';
import { messageOf } from '../../errors/message-of.js';
import { childNamed } from '../../xml/element.js';
import { parseXml } from '../../xml/parse.js';
import { readHostFile } from './host-file.js';

/** The bridge that a card is on, or why none is known. */
export type BridgeFound = { readonly bridge: string } | { readonly why: string };

/**
 * The bridge of this host that a card is on. A virtual network's is looked up where libvirt keeps it, as it runs and as it is defined.
 * @param root the host's files
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
  if (network.includes('/') || network.length > 255) return { why: `${shown} is no name of a network` };
  const paths = [`run/libvirt/network/${network}.xml`, `etc/libvirt/qemu/networks/${network}.xml`].map((path) =>
    join(root, path),
  );
  for (const path of paths) {
    const text = await readHostFile(path, signal);
    if (text === undefined) continue;
    try {
      const document = parseXml(text);
      // What runs is written with its state around it.
      const definition = childNamed(document, 'network') ?? document;
      const bridge = childNamed(definition, 'bridge')?.attributes.get('name');
      return bridge === undefined ? { why: `network ${shown} has no bridge: ${path}` } : checked(bridge);
    } catch (error) {
      return { why: `${path} is no network of libvirt's: ${messageOf(error)}` };
    }
  }
  return { why: `network ${shown} is not known here: there is no ${paths.join(' and no ')}` };
}

/** Names of files are made of it: only what Linux takes for a network device passes (its net/core/dev.c, dev_valid_name). */
function checked(bridge: string): BridgeFound {
  if (/^[^\s/:\p{Cc}]{1,15}$/u.test(bridge) && bridge !== '.' && bridge !== '..') return { bridge };
  return { why: `${JSON.stringify(bridge)} is no name of a bridge` };
}
