import { z } from 'zod';
import { ProtocolError } from '../../errors/errors.js';
import type { Domain } from '../../domain/model.js';
import { checkDomainName } from '../../domain/names.js';
import { childNamed, element, isElement, textOf, type XmlElement } from '../../xml/element.js';
import type { GuestConfig } from '../toolstack.js';
import { formatBigJson, parseBigJson } from './big-json.js';
import { deviceElements, devicesOf } from './devices.js';
import { notMapped } from './not-mapped.js';

/** The parts of libxl_domain_config's JSON that a `Domain` speaks of (libxl_types.idl); the rest is kept as it is. */
const configSchema = z.looseObject({
  c_info: z.looseObject({
    type: z.enum(['pv', 'pvh', 'hvm']),
    name: z.string(),
    uuid: z.guid(),
  }),
  b_info: z.looseObject({
    max_vcpus: z.int().positive().default(1),
    avail_vcpus: z.array(z.int().nonnegative()).optional(),
    max_memkb: z.int().positive(),
    target_memkb: z.int().positive().optional(),
    kernel: z.string().optional(),
    ramdisk: z.string().optional(),
    cmdline: z.string().optional(),
  }),
  disks: z.array(z.looseObject({})).optional(),
  nics: z.array(z.looseObject({})).optional(),
});
type Config = z.infer<typeof configSchema>;

const memorySchema = z.looseObject({ b_info: z.looseObject({ max_memkb: z.int().positive() }) });

const OS_TYPES = { pv: 'linux', pvh: 'xenpvh', hvm: 'hvm' } as const;

function parseConfig(text: string): Config {
  const parsed = configSchema.safeParse(parseBigJson(text));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues.at(0);
  const where = issue?.path.join('.') ?? '';
  throw new ProtocolError(
    'E_PROTOCOL_LIBXL_JSON',
    `a libxl configuration, ${where}: ${issue?.message ?? 'unreadable'}`,
    {
      cause: parsed.error,
      hint: 'The configuration comes from the host that the guest was on; check that its toolstack is whole.',
      data: { path: where },
    },
  );
}

/** What the guest can ever have (S48); undefined where the configuration does not say, or cannot be read. */
export function maxMemoryOf(text: string): number | undefined {
  try {
    return memorySchema.safeParse(parseBigJson(text)).data?.b_info.max_memkb;
  } catch {
    return undefined; // a list must not fail for one odd domain
  }
}

/**
 * A domain's definition from its running configuration. @throws ProtocolError E_PROTOCOL_LIBXL_JSON
 */
export function readConfig(text: string): GuestConfig {
  const config = parseConfig(text);
  const { c_info: made, b_info: built } = config;
  const leaf = (name: string, value: string | undefined): XmlElement[] =>
    value === undefined ? [] : [element(name, {}, [value])];
  const domain: Domain = {
    // Not checked as that of a new domain: it is there already, whoever named it.
    name: made.name,
    uuid: made.uuid.toLowerCase(),
    type: made.type,
    memoryMaxKiB: built.max_memkb,
    memoryCurrentKiB: Math.min(built.target_memkb ?? built.max_memkb, built.max_memkb),
    vcpusMax: built.max_vcpus,
    vcpusCurrent: Math.min(built.max_vcpus, Math.max(1, built.avail_vcpus?.length ?? built.max_vcpus)),
    metadata: [],
    rest: [
      element('os', {}, [
        element('type', {}, [OS_TYPES[made.type]]),
        ...leaf('kernel', built.kernel),
        ...leaf('initrd', built.ramdisk),
        ...leaf('cmdline', built.cmdline),
      ]),
      element('devices', {}, deviceElements(config.disks ?? [], config.nics ?? [])),
    ],
  };
  return { domain, native: { format: 'libxl-json', text } };
}

/**
 * What libxl makes the domain from: its own JSON where there is one, with the name and UUID that the
 * domain shall have; otherwise made from the definition.
 * @throws ProtocolError E_PROTOCOL_LIBXL_JSON; RefusedError E_REFUSED_NOT_MAPPED; UsageError E_USAGE_DOMAIN_NAME
 */
export function formatConfig({ domain, native }: GuestConfig): string {
  const name = checkDomainName(domain.name);
  const config = native === undefined ? fromDefinition(domain) : parseConfig(native.text);
  // The number it had on another host, or shall have: libxl chooses.
  const { domid: _, ...made } = config.c_info;
  return formatBigJson({ ...config, c_info: { ...made, name, uuid: domain.uuid } });
}

/** Elements beside `<devices>` that say nothing libxl must hear, or what it does anyway. */
const NOT_NEEDED = new Set(['os', 'devices', 'description', 'title', 'seclabel', 'resource']);
const ACTIONS: Readonly<Record<string, string>> = { 'rename-restart': 'restart_rename' };

function fromDefinition(domain: Domain): Config {
  const os = domain.rest.find((child) => child.name === 'os');
  const devices = domain.rest.find((child) => child.name === 'devices')?.children.filter(isElement) ?? [];
  const text = (name: string): string | undefined => {
    const found = os === undefined ? undefined : childNamed(os, name);
    return found === undefined ? undefined : textOf(found);
  };
  const actions: Record<string, string> = {};
  for (const child of domain.rest) {
    if (/^on_(poweroff|reboot|crash)$/.test(child.name)) {
      const action = textOf(child);
      actions[child.name] = ACTIONS[action] ?? action.replaceAll('-', '_');
    } else if (!NOT_NEEDED.has(child.name)) throw notMapped(`<${child.name}>`);
  }
  const optional = { kernel: text('kernel'), ramdisk: text('initrd'), cmdline: text('cmdline') };
  return {
    c_info: { type: domain.type, name: domain.name, uuid: domain.uuid },
    b_info: {
      max_vcpus: domain.vcpusMax,
      avail_vcpus: Array.from({ length: domain.vcpusCurrent }, (_, vcpu) => vcpu),
      max_memkb: domain.memoryMaxKiB,
      target_memkb: domain.memoryCurrentKiB,
      ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
      [`type.${domain.type}`]: {},
    },
    ...devicesOf(devices),
    ...actions,
  };
}
