import type { Interface, Vlan } from '../definition/devices/interface.js';
import { notMapped } from './not-mapped.js';

/*
 * The bridge of an interface with its VLANs, as Xen's script for Open vSwitch parses it (vif-openvswitch):
 * `BRIDGE`, `BRIDGE.TAG`, `BRIDGE.TAG:TRUNK:TRUNK` or `BRIDGE:TRUNK:TRUNK` (L17).
 */

const OVS_SCRIPT = /(?:^|\/)vif-openvswitch$/;
const TAGGED = /^([^.:]+)(?:\.(\d{1,4}))?((?::\d{1,4})*)$/;

/** A bridge with its VLANs. */
export interface VifBridge {
  readonly bridge: string;
  readonly openvswitch: boolean;
  readonly vlan: Vlan | undefined;
}

/**
 * Parses the bridge of an interface. @param script the interface's script, which identifies the type of bridge; so does
 * a tag
 */
export function parseVifBridge(text: string, script: string | undefined): VifBridge {
  const match = TAGGED.exec(text);
  const tag = match?.at(2);
  const trunks = match?.at(3) ?? '';
  const tags = [tag, ...trunks.split(':')].filter((one) => one !== undefined && one !== '').map(Number);
  const openvswitch = script !== undefined && OVS_SCRIPT.test(script);
  // The name of a plain Linux bridge may contain a dot, but no colon.
  const ours = tags.length > 0 && tags.every((id) => id <= 4095) && (openvswitch || trunks !== '');
  if (match === null || !ours) return { bridge: text, openvswitch, vlan: undefined };
  const native = tag !== undefined && trunks !== '';
  return {
    bridge: match[1],
    openvswitch: true,
    vlan: {
      trunk: trunks !== '',
      tags: tags.map((id, index) => ({ id, nativeMode: native && index === 0 ? 'untagged' : undefined })),
    },
  };
}

/** The inverse of `parseVifBridge`. @throws RefusedError `E_REFUSED_NOT_MAPPED` */
export function formatVifBridge(bridge: string, { vlan, openvswitch }: Interface): string {
  if (vlan === undefined || vlan.tags.length === 0) return bridge;
  if (!openvswitch) throw notMapped('<vlan> on a Linux bridge', "Add <virtualport type='openvswitch'/>.");
  const trunk = vlan.trunk || vlan.tags.length > 1;
  if (!trunk) return `${bridge}.${vlan.tags.map(({ id }) => id).join('')}`;
  const native = vlan.tags.find(({ nativeMode }) => nativeMode !== undefined);
  if (native?.nativeMode === 'tagged') {
    throw notMapped(`nativeMode='tagged' of VLAN ${native.id}`, "Use nativeMode='untagged'.");
  }
  const trunks = vlan.tags.filter((tag) => tag !== native).map(({ id }) => `:${id}`);
  if (trunks.length === 0) throw notMapped('a trunk of one native VLAN', "Leave trunk='yes' out, or add a tag.");
  return `${bridge}${native === undefined ? '' : `.${native.id}`}${trunks.join('')}`;
}
