import { z } from '../../errors/zod.js';
import { CpuSet, MAX_CPUS } from '../../domain/cpu-set.js';
import { PLUG_KINDS } from '../../domain/libxl-json/plug.js';
import { ABILITIES, type DomainInfo, type ToolstackEvent, type TransferEvent } from '../toolstack.js';
import { guestDomid } from '../domid.js';

/** The protocol between the libxl toolstack and its agents. */

const reasonSchema = z.enum(['poweroff', 'reboot', 'suspend', 'crash', 'watchdog', 'soft_reset', 'unknown']);
export const domidSchema = z.int().transform((id) => guestDomid(id));

export const infoSchema: z.ZodType<DomainInfo> = z
  .object({
    domid: domidSchema,
    uuid: z.string(),
    name: z.string(),
    state: z.enum(['running', 'paused', 'shutdown', 'dying']),
    shutdownReason: reasonSchema.optional(),
    memoryKiB: z.number(),
    maxMemoryKiB: z.number(),
    vcpus: z.number(),
    cpuTimeNs: z.string().transform(BigInt),
  })
  .transform(({ shutdownReason, ...info }) => (shutdownReason === undefined ? info : { ...info, shutdownReason }));

/** JSON has no 64-bit integers. */
export function wireInfo(info: DomainInfo): Record<string, unknown> {
  return { ...info, cpuTimeNs: String(info.cpuTimeNs) };
}

export const hostSchema = z.object({
  version: z.string(),
  totalMemoryKiB: z.number(),
  freeMemoryKiB: z.number(),
  cpus: z.int(),
  guestAbis: z.array(z.string()),
  lacks: z.array(z.enum(ABILITIES)),
  commandLine: z.string(),
  dom0: z.object({ memoryKiB: z.number(), vcpus: z.int(), vcpusMax: z.int() }).optional(),
  processors: z.object({
    coresPerSocket: z.int(),
    threadsPerCore: z.int(),
    cpuidWords: z.array(z.number()),
  }),
});
export type HostFacts = z.infer<typeof hostSchema>;

export const domainParams = z.object({ domid: domidSchema });
export const renameParams = z.object({ domid: domidSchema, name: z.string() });
export const preserveParams = z.object({ domid: domidSchema, suffix: z.string(), uuid: z.guid() });
const cpuSetSchema = z
  .array(z.int().nonnegative())
  .max(MAX_CPUS)
  .transform((cpus) => CpuSet.of(cpus));
export const pressParams = z.object({ domid: domidSchema, button: z.enum(['power', 'reset', 'wake']) });
export const annotateParams = z.object({ domid: domidSchema, text: z.string() });
export const memoryParams = z.object({ domid: domidSchema, kib: z.int() });
export const neededParams = z.object({ config: z.string() });
export const neededSchema = z.object({ kib: z.int().nonnegative() });
export const dom0TargetParams = z.object({ kib: z.int().positive() });
export const onlineParams = z.object({ domid: domidSchema, online: cpuSetSchema });
export const pinParams = z.object({ domid: domidSchema, vcpu: z.int().nonnegative(), cpus: cpuSetSchema });
export const schedulingSchema = z.object({ scheduler: z.enum(['credit', 'credit2']), weight: z.int(), cap: z.int() });
export const schedulingParams = z.object({
  domid: domidSchema,
  weight: z.number().optional(),
  cap: z.number().optional(),
});
export const dumpParams = z.object({ domid: domidSchema, path: z.string() });
export const attachParams = z.object({ domid: domidSchema, kind: z.enum(PLUG_KINDS), json: z.string() });
const named = { domid: domidSchema, force: z.boolean() };
export const detachParams = z.discriminatedUnion('kind', [
  z.object({ ...named, kind: z.literal('disk'), vdev: z.string() }),
  z.object({ ...named, kind: z.literal('nic'), mac: z.string() }),
  z.object({ ...named, kind: z.literal('usbctrl'), devid: z.int().nonnegative() }),
  z.object({ ...named, kind: z.literal('usbdev'), bus: z.int(), device: z.int() }),
]);
export const mediumParams = z.object({ domid: domidSchema, json: z.string() });
export const vcpuSchema = z.object({
  number: z.int(),
  cpu: z.int(),
  isOnline: z.boolean(),
  isBlocked: z.boolean(),
  isRunning: z.boolean(),
  timeNs: z.string().transform(BigInt),
  affinity: cpuSetSchema,
});
export const saveParams = z.object({ domid: domidSchema, live: z.boolean() });
export const guestParams = z.object({
  name: z.string(),
  uuid: z.string(),
  config: z.string(),
  annotations: z.string().optional(),
});
export const restoreParams = guestParams.extend({ streamVersion: z.int() });
export const madeSchema = z.object({ domid: domidSchema });
export const configSchema = z.object({
  config: z.string(),
  backends: z.record(z.string(), z.string()),
  annotations: z.string().optional(),
});

export const transferEventSchema: z.ZodType<TransferEvent> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('round'), round: z.int(), pagesSent: z.int(), pagesTotal: z.int() }),
  z.object({ type: z.literal('suspended'), atMs: z.number() }),
  z.object({ type: z.literal('log'), level: z.enum(['debug', 'info', 'warning', 'error']), text: z.string() }),
]);

export const toolstackEventSchema: z.ZodType<ToolstackEvent> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('shutdown'), domid: domidSchema, uuid: z.string(), reason: reasonSchema }),
  z.object({ type: z.literal('death'), domid: domidSchema, uuid: z.string() }),
  z.object({ type: z.literal('disk-eject'), domid: domidSchema, uuid: z.string(), vdev: z.string() }),
]);
