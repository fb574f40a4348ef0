import { randomBytes } from 'node:crypto';
import { z } from '../../errors/zod.js';
import { ProtocolError } from '../../errors/errors.js';
import { parseAnnotations, withAnnotations } from '../../domain/annotations.js';
import { applyDefaults } from '../../domain/definition/defaults.js';
import { readDefinition } from '../../domain/definition/read.js';
import { toDomain } from '../../domain/definition/write.js';
import { fromLibxlConfig } from '../../domain/libxl-json/from-libxl.js';
import { toLibxlConfig } from '../../domain/libxl-json/to-libxl.js';
import type { Domain } from '../../domain/model.js';
import { checkDomainName } from '../../domain/names.js';
import type { GuestConfig } from '../toolstack.js';
import { formatBigJson, parseBigJson } from './big-json.js';

/** The parts of a configuration that are changed; the rest is passed on unchanged. */
const configSchema = z.looseObject({ c_info: z.looseObject({}), b_info: z.looseObject({}) });
type Config = z.infer<typeof configSchema>;

const memorySchema = z.looseObject({ b_info: z.looseObject({ max_memkb: z.int().positive() }) });

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
      hint: 'The configuration comes from the host that the guest was on; check the toolstack of that host.',
      data: { path: where },
    },
  );
}

/** The guest's maximum memory in KiB (S48); undefined if the configuration does not contain it, or cannot be read. */
export function maxMemoryOf(text: string): number | undefined {
  try {
    return memorySchema.safeParse(parseBigJson(text)).data?.b_info.max_memkb;
  } catch {
    return undefined; // a list must not fail for one odd domain
  }
}

/** The same configuration of a domain with another UUID. @throws ProtocolError E_PROTOCOL_LIBXL_JSON */
export function withUuid(text: string, uuid: string): string {
  const config = parseConfig(text);
  return formatBigJson({ ...config, c_info: { ...config.c_info, uuid } });
}

/** What is known of a running domain and is not in libxl's JSON. */
export interface KeptBeside {
  /**
   * What serves the disks for which libxl has chosen, by target: shown in the definition (S47), and not in the native form, for
   * another host has to choose anew.
   */
  readonly backends?: Readonly<Record<string, string>> | undefined;
  /** Title, description and metadata, as `formatAnnotations` writes them. */
  readonly annotations?: string | undefined;
}

/** A domain's definition from its running configuration. @throws ProtocolError E_PROTOCOL_LIBXL_JSON */
export function readConfig(text: string, { backends = {}, annotations }: KeptBeside = {}): GuestConfig {
  const { definition } = fromLibxlConfig(withBackends(parseBigJson(text), backends));
  const domain = toDomain(definition);
  return {
    domain: annotations === undefined ? domain : withAnnotations(domain, parseAnnotations(annotations)),
    native: { format: 'libxl-json', text },
  };
}

const disksSchema = z.looseObject({ disks: z.array(z.looseObject({ vdev: z.string() })) });

function withBackends(config: unknown, backends: Readonly<Record<string, string>>): unknown {
  const { data } = disksSchema.safeParse(config);
  if (data === undefined || Object.keys(backends).length === 0) return config;
  const disks = data.disks.map((disk) =>
    Object.hasOwn(backends, disk.vdev) ? { ...disk, backend: backends[disk.vdev] } : disk,
  );
  return { ...data, disks };
}

/**
 * The configuration from which libxl makes the domain: its own JSON if there is one, with the intended name and UUID
 * of the domain; otherwise made from the definition.
 * @throws ProtocolError E_PROTOCOL_LIBXL_JSON; RefusedError E_REFUSED_NOT_MAPPED; UsageError E_USAGE_DOMAIN_NAME
 */
export function formatConfig({ domain, native }: GuestConfig): string {
  const name = checkDomainName(domain.name);
  const config = native === undefined ? fromDefinition(domain) : parseConfig(native.text);
  // Its id on another host: libxl chooses a new one.
  const { domid: _, ...made } = config.c_info;
  return formatBigJson({ ...config, c_info: { ...made, name, uuid: domain.uuid } });
}

/** Sets defaults as when a domain is defined: a definition from another host may lack them. */
function fromDefinition(domain: Domain): Config {
  const { definition } = readDefinition(domain, { lenient: true });
  const [a, b, c] = randomBytes(3);
  const complete = applyDefaults(definition, { randomOctets: () => [a, b, c] });
  return configSchema.parse(toLibxlConfig(complete));
}
