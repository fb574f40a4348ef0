import { RefusedError, UsageError } from '../../errors/errors.js';

/** What a change applies to: `--live`, `--config`, `--current`. */
export interface ImpactFlags {
  readonly live: boolean;
  readonly config: boolean;
  readonly current: boolean;
  /** `--persistent`: the definition, and the running domain if it runs. */
  readonly persistent?: boolean;
}

/** What a change applies to: the running domain, the definition that its next start uses, or both. */
export interface Impact {
  readonly live: boolean;
  readonly config: boolean;
}

/** The state of a domain, as far as it matters for changes. */
export interface Changeable {
  readonly name: string;
  readonly isActive: boolean;
  readonly isPersistent: boolean;
}

/**
 * Decides what a change applies to, for every verb that has these flags (S17). Neither, or `--current`: the running
 * domain if it runs, else its definition. @throws UsageError `E_USAGE_IMPACT`; RefusedError `E_REFUSED_NOT_RUNNING`,
 * `E_REFUSED_TRANSIENT`
 */
export function impactOf(flags: ImpactFlags, domain: Changeable): Impact {
  if (flags.current && (flags.live || flags.config)) {
    throw new UsageError('E_USAGE_IMPACT', `--current excludes ${flags.live ? '--live' : '--config'}`, {
      hint: 'Leave --current out: it is the default.',
    });
  }
  if (flags.persistent === true && (flags.current || flags.live || flags.config)) {
    throw new UsageError('E_USAGE_IMPACT', '--persistent excludes --live, --config and --current', {
      hint: 'It means --live --config if the domain runs, and --config if it does not.',
    });
  }
  const impact =
    flags.persistent === true
      ? { live: domain.isActive, config: true }
      : flags.live || flags.config
        ? { live: flags.live, config: flags.config }
        : { live: domain.isActive, config: !domain.isActive };
  if (impact.live && !domain.isActive) {
    throw new RefusedError(
      'E_REFUSED_NOT_RUNNING',
      `domain ${domain.name} is not running: --live has nothing to change`,
      {
        hint: 'Use --config.',
      },
    );
  }
  if (impact.config && !domain.isPersistent) {
    throw new RefusedError(
      'E_REFUSED_TRANSIENT',
      `domain ${domain.name} is transient: --config has nothing to change`,
      {
        hint: 'Use --live, or define the domain first.',
      },
    );
  }
  return impact;
}
