import { readDefinition } from '../../domain/definition/read.js';
import { toDomain } from '../../domain/definition/write.js';
import type { Domain } from '../../domain/model.js';
import { readWorkload, withCap } from '../../domain/workload.js';
import { guestDomid } from '../domid.js';
import { byWeight, checkScheduling } from '../scheduling.js';
import type { Scheduling, SchedulingChange } from '../toolstack.js';
import { changeConfig, readConfig } from './domain-config.js';
import { requireBuilt } from './domain-record.js';
import { readHostSettings } from './host-settings.js';
import type { LockedDomain } from './locked-domain.js';

/** Xen's default (its sched/credit2.c, CSCHED2_DEFAULT_WEIGHT). */
const USUAL_WEIGHT = 256;

/**
 * Weight and cap are stored in the domain's configuration: the weight in domain XML, the cap with the workload. So both
 * are part of it, as with libxl, which has them in its JSON.
 */
export function schedulingOf(domain: LockedDomain): Scheduling {
  const scheduler = schedulerOf(domain);
  const config = readConfig(domain.folder).domain;
  const { cpuShares } = readDefinition(config, { lenient: true }).definition;
  return { scheduler, weight: cpuShares ?? USUAL_WEIGHT, cap: readWorkload(config).cap };
}

/** Changes weight, cap or both. @throws RefusedError `E_REFUSED_UNSUPPORTED`; ToolstackError `E_TOOLSTACK_INVAL` */
export function setScheduling(domain: LockedDomain, change: SchedulingChange): void {
  const { folder, record } = domain;
  requireBuilt(record);
  schedulerOf(domain);
  const config = readConfig(folder);
  checkScheduling(guestDomid(record.domid), change, config.domain.vcpusMax);
  const weighted = change.weight === undefined ? config.domain : withWeight(config.domain, change.weight);
  changeConfig(folder, change.cap === undefined ? weighted : withCap(weighted, change.cap));
}

/** The host's scheduler, if it has weight and cap. @throws RefusedError `E_REFUSED_UNSUPPORTED` */
function schedulerOf({ host, record }: LockedDomain): Scheduling['scheduler'] {
  return byWeight(readHostSettings(host).scheduler, guestDomid(record.domid));
}

function withWeight(domain: Domain, weight: number): Domain {
  const { definition } = readDefinition(domain, { lenient: true });
  return toDomain({ ...definition, cpuShares: weight });
}
