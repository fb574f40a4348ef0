import type { Device } from '../devices/device.js';
import type { Interface } from '../devices/interface.js';
import type { Definition } from '../model.js';
import { Problems } from './problem.js';

/** IFNAMSIZ of linux/if.h, without the NUL. */
const MAX_IFNAME = 15;

/** Checks a network card. @param path path of its element, for messages */
export function validateInterface(
  nic: Interface,
  definition: Definition,
  others: readonly Device[],
  path: string,
): Problems {
  const problems = new Problems(path);
  const { mac, model, source, ifname } = nic;
  if (definition.type !== 'hvm' && model !== undefined && model !== 'netfront') {
    problems.unsupported(
      'model/@type',
      `only model 'netfront' is supported for Xen ${definition.type.toUpperCase()} domains, not '${model}'`,
      'Leave the model out.',
    );
  }
  if (nic.script !== undefined && source.type === 'network') {
    problems.unsupported('script', 'scripts are for bridge and ethernet interfaces', 'Leave the script out.');
  }
  if (mac !== undefined && (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1) {
    problems.invalid('mac/@address', `${mac} is a multicast address`, 'Use a unicast one, such as 00:16:3e:XX:XX:XX.');
  }
  if (mac !== undefined && others.some((other) => other.kind === 'interface' && other.mac === mac)) {
    problems.invalid('mac/@address', `${mac} occurs more than once`, 'Give each interface an address of its own.');
  }
  if (nic.vlan !== undefined && !nic.openvswitch) {
    problems.unsupported('vlan', 'tags need an Open vSwitch bridge', "Add <virtualport type='openvswitch'/>.");
  }
  if (ifname !== undefined && (ifname.length > MAX_IFNAME || !/^[\w.:-]+$/.test(ifname))) {
    problems.invalid(
      'target/@dev',
      `${JSON.stringify(ifname)} is not a name of an interface`,
      `Use at most ${MAX_IFNAME} plain characters.`,
    );
  }
  if (nic.linkUp === false) {
    problems.unsupported('link', 'libxl cannot start an interface with its link down', 'Leave the link state out.');
  }
  return problems;
}
