/**
 * xenferry for programs. Everything that is exported here is stable by the version (semver); nothing else of the package can
 * be imported.
 *
 * ```ts
 * import { migrate, openHost } from 'xenferry';
 *
 * await using host = await openHost();
 * await migrate(host, { domain: 'web1', destination: 'xen+ssh://hv2/system', live: true });
 * ```
 *
 * @packageDocumentation
 */
export { openHost, type Host, type HostOptions } from './host.js';
export type { ConfigOptions, LocationOptions } from './options/location.js';
export type { Deadlines } from '../control/deadlines.js';
export {
  createDomain,
  defineDomain,
  destroyDomain,
  domainState,
  domainXml,
  findDomain,
  listDomains,
  rebootDomain,
  resetDomain,
  resumeDomain,
  setAutostart,
  shutdownDomain,
  startDomain,
  suspendDomain,
  undefineDomain,
  type CallOptions,
  type Created,
  type Defined,
  type DefineOptions,
  type DestroyOptions,
  type DomainList,
  type DomainRef,
  type DomainState,
  type ListedDomain,
  type ListFilter,
  type PowerMode,
  type PowerOptions,
  type RunningDomain,
  type Started,
  type StartOptions,
  type StateAndReason,
} from './domains.js';
export { restoreDomain, saveDomain, type RestoreOptions, type SaveOptions, type TransferEvent } from './saving.js';
export {
  migrate,
  type Compression,
  type CopyTimeout,
  type MigrateOptions,
  type ReachOptions,
  type Migrated,
  type TransferOptions,
} from './migration.js';
export {
  evacuate,
  planEvacuation,
  type EvacuateOptions,
  type Evacuated,
  type EvacuationAttempt,
  type EvacuationPlan,
  type EvacuationReport,
  type Leaver,
  type Left,
  type Move,
  type Route,
  type SeenDestination,
} from './evacuation.js';
export { openMigrations, recover, type OpenMigration, type Recovered, type RecoverOptions } from './recovery.js';
export { abortJob, jobInfo, type AbortedJob, type JobInfo, type JobResult } from './jobs.js';
export {
  EVENT_TYPES,
  isMissed,
  watchEvents,
  type DomainEvent,
  type EventSubscription,
  type Happening,
  type MissedEvents,
  type WatchOptions,
} from './events.js';
export * from './errors.js';
export { ownVersion as version } from './process/version.js';
