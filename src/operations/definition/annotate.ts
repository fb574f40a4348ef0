import { annotationsOf, formatAnnotations, withAnnotations, type Annotations } from '../../domain/annotations.js';
import { XL_NS } from '../../domain/definition/devices/xl-options.js';
import { defineDomain } from '../../domain/definition/define.js';
import { formatDomainXml } from '../../domain/format.js';
import type { Domain } from '../../domain/model.js';
import { RefusedError, SystemError, UsageError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { Host } from '../../host/host.js';
import type { MetadataChange } from '../../host/events/event.js';
import type { KnownDomain } from '../../host/registry/known-domain.js';
import { withDomain } from '../running/with-domain.js';
import { defineContext } from './define-context.js';
import { impactOn } from './edit-definition.js';
import type { ImpactFlags } from './impact.js';

/** All annotations of a domain together, as a document, in characters. */
const MAX_ANNOTATIONS = 256 * 1024;

/** What a change of annotations is. */
export interface AnnotationChange {
  readonly what: MetadataChange;
  /** What the domain's metadata are then, settings for xl included. */
  readonly metadata?: (domain: Domain) => Domain['metadata'];
  /** The same for its title and description. */
  readonly texts?: Pick<Annotations, 'title' | 'description'>;
}

/** What a question about a domain is answered from: what runs, or the definition of its next start. @throws as `impactOf` */
export async function annotatedDomain(host: Host, ref: string, flags: ImpactFlags): Promise<Domain> {
  if (flags.live && flags.config) {
    throw new UsageError('E_USAGE_IMPACT', '--live and --config exclude each other where nothing is changed', {
      hint: 'Ask for one of them.',
    });
  }
  const known = await host.findKnown(ref);
  const { config } = impactOn(known, flags);
  const { info, stored } = known;
  if (!config && info !== undefined) return (await host.toolstack.describe(info.domid)).domain;
  if (stored !== undefined) return stored.domain;
  throw new RefusedError('E_REFUSED_TRANSIENT', `domain ${known.name} is transient: it has no definition`);
}

/**
 * Changes title, description or metadata of the running domain, of the definition, or of both, under the job, and emits the event.
 * @throws UsageError `E_USAGE_METADATA`, `E_USAGE_DOMAIN_*`, `E_USAGE_IMPACT`; RefusedError `E_REFUSED_UNSUPPORTED`, `E_REFUSED_NOT_RUNNING`,
 * `E_REFUSED_TRANSIENT`; SystemError `E_SYSTEM_REGISTRY`; ToolstackError
 */
export async function annotate(
  host: Host,
  ref: string,
  change: AnnotationChange,
  flags: ImpactFlags,
  signal: AbortSignal,
): Promise<KnownDomain> {
  return withDomain(host, { ref, why: 'changing its metadata', signal }, async (known, held) => {
    const { info, stored, uuid, name } = known;
    const impact = impactOn(known, flags);
    // Both are made and checked before either is changed.
    const kept = impact.config && stored !== undefined ? changed(stored.domain, change) : undefined;
    if (kept !== undefined) defineDomain(formatDomainXml(kept), { ...defineContext, carryUnknown: true });
    if (impact.live && info !== undefined) {
      refuseSettings(name, change.what);
      const { domain } = await host.toolstack.describe(info.domid, held.signal);
      const live = annotationsOf(changed(domain, change)) ?? { metadata: [] };
      await host.toolstack.annotate(info.domid, live, held.signal);
    }
    if (kept !== undefined && stored !== undefined) putBehind(host, { ...stored, domain: kept }, impact.live);
    const id = info === undefined ? {} : { id: info.domid };
    host.events.tell({ domain: name, uuid, ...id, what: { type: 'metadata-change', ...change.what } });
    return known;
  });
}

function changed(domain: Domain, { metadata, texts }: AnnotationChange): Domain {
  const edited = metadata === undefined ? domain : { ...domain, metadata: metadata(domain) };
  const now = annotationsOf(edited) ?? { metadata: [] };
  const made = texts === undefined ? edited : withAnnotations(edited, { ...now, ...texts });
  const all = annotationsOf(made);
  const chars = all === undefined ? 0 : formatAnnotations(all).length;
  if (chars <= MAX_ANNOTATIONS) return made;
  throw new UsageError(
    'E_USAGE_METADATA',
    `title, description and metadata of ${domain.name} would be ${chars} characters, more than ${MAX_ANNOTATIONS}`,
    { hint: 'Keep large data elsewhere, and its place in the metadata.' },
  );
}

/** What a running guest has of them is its toolstack's. */
function refuseSettings(name: string, what: MetadataChange): void {
  if (what.uri !== XL_NS) return;
  throw new RefusedError(
    'E_REFUSED_UNSUPPORTED',
    `the settings for xl of ${name} cannot be changed while it runs: they are what it was started with`,
    { hint: 'Use --config: they count from its next start.' },
  );
}

function putBehind(host: Host, stored: NonNullable<KnownDomain['stored']>, isLiveChanged: boolean): void {
  try {
    host.definitions.put(stored);
  } catch (cause) {
    if (!isLiveChanged) throw cause;
    throw new SystemError(
      'E_SYSTEM_REGISTRY',
      `domain ${stored.domain.name} was changed as it runs, and its definition was not: ${messageOf(cause)}`,
      { cause, hint: 'Mend what is wrong there, then repeat the change with --config alone.' },
    );
  }
}
