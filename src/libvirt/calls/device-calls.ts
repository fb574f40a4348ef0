import { parseDeviceXml } from '../../domain/definition/read.js';
import type { Device } from '../../domain/definition/devices/device.js';
import { attachDevice } from '../../operations/devices/attach-device.js';
import { detachDevice } from '../../operations/devices/detach-device.js';
import { updateDevice } from '../../operations/devices/update-device.js';
import type { WireDomain } from '../wire/types.js';
import { AFFECT, checkFlags, impactFlags, refOf, type CallContext, type Handlers } from './call.js';

const EITHER = AFFECT.live | AFFECT.config;
/** VIR_DOMAIN_DEVICE_MODIFY_FORCE. */
const FORCE = 4;

function deviceIn({ host }: CallContext, xml: string): Device {
  const warnings: string[] = [];
  const device = parseDeviceXml(xml, warnings);
  for (const warning of warnings) host.log(warning);
  return device;
}

async function attach(context: CallContext, dom: WireDomain, xml: string, flags: number): Promise<void> {
  checkFlags(flags, EITHER);
  const { host, signal } = context;
  const request = { device: deviceIn(context, xml), flags: impactFlags(flags), forceLease: false, signal };
  await attachDevice(host, refOf(dom), request);
}

async function detach(context: CallContext, dom: WireDomain, xml: string, flags: number): Promise<void> {
  checkFlags(flags, EITHER | FORCE);
  const { host, signal } = context;
  const force = (flags & FORCE) !== 0;
  await detachDevice(host, refOf(dom), { device: deviceIn(context, xml), flags: impactFlags(flags), force, signal });
}

/** Attaching and detaching devices. */
export const deviceCalls = {
  domainAttachDevice: ({ dom, xml }, context) => attach(context, dom, xml, AFFECT.live),
  domainAttachDeviceFlags: ({ dom, xml, flags }, context) => attach(context, dom, xml, flags),
  domainDetachDevice: ({ dom, xml }, context) => detach(context, dom, xml, AFFECT.live),
  domainDetachDeviceFlags: ({ dom, xml, flags }, context) => detach(context, dom, xml, flags),
  domainUpdateDeviceFlags: async ({ dom, xml, flags }, context) => {
    checkFlags(flags, EITHER);
    const { host, signal } = context;
    await updateDevice(host, refOf(dom), { device: deviceIn(context, xml), flags: impactFlags(flags), signal });
  },
} satisfies Handlers;
