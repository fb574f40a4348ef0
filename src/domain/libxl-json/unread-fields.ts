import { CARRIED_SETTINGS } from './carried-settings.js';
import { recordOf } from './field-codecs.js';
import { configSchema, type ReadConfig } from './schema.js';

/*
 * Fields of a configuration that no part of the reading uses. libxl writes everything that is not its default, and its
 * callers more: unknown names are detected here, so that no field of a later release is dropped silently.
 */

/** Fields that do not concern the guest, each with the reason. */
const OF_THE_TOOLSTACK: Readonly<Record<string, string>> = {
  'c_info.domid': 'the number that the domain had on its host',
  'c_info.ssidref': 'the number of a security label of its host',
  'c_info.run_hotplug_scripts': 'how the toolstack of its host was set up',
  'c_info.poolid': 'the number of a CPU pool of its host',
  'c_info.xsdata': 'entries of Xenstore that its toolstack wrote',
  'c_info.platformdata': 'entries of Xenstore that its toolstack wrote',
  'b_info.numa_placement': 'whether its host chose a node',
  'b_info.claim_mode': 'how the toolstack of its host was set up',
  'b_info.blkdev_start': 'how the toolstack of its host was set up',
  'b_info.exec_ssidref': 'the number of a security label of its host',
  'b_info.device_model_ssidref': 'the number of a security label of its host',
  'b_info.iommu_memkb': 'computed from its memory',
  'b_info.nodemap': 'where its host put it',
  'b_info.cpumap': 'where its host put it',
  'b_info.extra_pv': 'read with the other arguments of the device model',
  'b_info.extra_hvm': 'read with the other arguments of the device model',
  'b_info.type.hvm.timeoffset': 'of old device models',
  'b_info.type.hvm.timer_mode': 'an older place of b_info.timer_mode',
  'b_info.type.pv.slack_memkb': 'computed from its memory',
  'disks.removable': 'the same for every disk',
  'disks.backend_domid': 'the number of a domain of its host',
  'disks.transport': 'follows from its specification',
  'disks.irq': 'chosen at start',
  'disks.base': 'chosen at start',
  'nics.backend_domid': 'the number of a domain of its host',
  'vfbs.backend_domid': 'the number of a domain of its host',
  'vfbs.devid': 'its place in the list',
  'channels.backend_domid': 'the number of a domain of its host',
  'channels.devid': 'its place in the list',
  'usbctrls.backend_domid': 'the number of a domain of its host',
  'usbdevs.type': 'there is one kind',
  vkbs: 'a keyboard for each framebuffer',
};

/** Values that equal an absent one. */
const NOTHING: ReadonlySet<unknown> = new Set([
  undefined,
  null,
  '',
  0,
  -1,
  false,
  'False',
  '<default>',
  'default',
  'unknown',
  'none',
  'disabled',
]);

function saysNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === 'object' && value !== null) return Object.values(value).every(saysNothing);
  return NOTHING.has(value);
}

type Shape = Readonly<Record<string, unknown>>;

const { shape } = configSchema;
const built = shape.b_info.shape;
const hvm = built['type.hvm'].unwrap().shape;

const OBJECTS: readonly (readonly [path: readonly string[], shape: Shape])[] = [
  [[], shape],
  [['c_info'], shape.c_info.shape],
  [['b_info'], { ...built, arch_x86: 1 }],
  [['b_info', 'sched_params'], built.sched_params.unwrap().shape],
  [['b_info', 'arch_x86'], {}],
  [['b_info', 'type.hvm'], hvm],
  [['b_info', 'type.hvm', 'vga'], hvm.vga.unwrap().shape],
  [['b_info', 'type.hvm', 'vnc'], hvm.vnc.unwrap().shape],
  [['b_info', 'type.hvm', 'sdl'], hvm.sdl.unwrap().shape],
  [['b_info', 'type.hvm', 'spice'], hvm.spice.unwrap().shape],
  [['b_info', 'type.pv'], built['type.pv'].unwrap().shape],
  [['b_info', 'type.pvh'], {}],
];
const LISTS: readonly (readonly [name: keyof ReadConfig, shape: Shape])[] = [
  ['disks', shape.disks.unwrap().element.shape],
  ['nics', shape.nics.unwrap().element.shape],
  ['pcidevs', shape.pcidevs.unwrap().element.shape],
  ['vfbs', shape.vfbs.unwrap().element.shape],
  ['channels', shape.channels.unwrap().element.shape],
  ['usbctrls', shape.usbctrls.unwrap().element.shape],
  ['usbdevs', shape.usbdevs.unwrap().element.shape],
];

function carriedAt(path: readonly string[]): readonly string[] {
  return CARRIED_SETTINGS.filter(({ at }) => at.join() === path.join()).flatMap(({ codec }) => codec.fields);
}

function unread(object: unknown, path: readonly string[], known: Shape, shown = path): string[] {
  const carried = carriedAt(path);
  return Object.entries(recordOf(object)).flatMap(([name, value]) => {
    const isKnown = Object.hasOwn(known, name) || carried.includes(name);
    const isOfToolstack = Object.hasOwn(OF_THE_TOOLSTACK, [...path, name].join('.'));
    return isKnown || isOfToolstack || saysNothing(value) ? [] : [[...shown, name].join('.')];
  });
}

/** Paths of fields that no part of the reading uses. */
export function unreadFields(config: ReadConfig): string[] {
  return [
    ...OBJECTS.flatMap(([path, known]) => {
      const object = path.reduce<unknown>((at, name) => recordOf(at)[name], config);
      return unread(object, path, known);
    }),
    ...LISTS.flatMap(([name, known]) => {
      const list: readonly unknown[] = config[name] as readonly unknown[];
      return list.flatMap((one, index) => unread(one, [name], known, [name, String(index)]));
    }),
  ];
}
