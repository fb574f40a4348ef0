import { RefusedError, UsageError } from '../../errors/errors.js';

/** What a user says a change is for: `--live`, `--config`, `--current`. */
export interface ImpactFlags {
  readonly live: boolean;
  readonly config: boolean;
  readonly current: boolean;
  /** `--persistent`: the definition, and what runs where it runs. */
  readonly persistent?: boolean;
}

/** What a change is for: the domain that runs, the definition that its next start uses, or both. */
export interface Impact {
  readonly live: boolean;
  readonly config: boolean;
}

/** What a domain is, as far as changes are concerned. */
export interface Changeable {
  readonly name: string;
  readonly isActive: boolean;
  readonly isPersistent: boolean;
}

/**
 * Decides what a change is for, for every verb that has these flags (S17). Neither, or `--current`: what runs where it runs, else its
 * definition. @throws UsageError `E_USAGE_IMPACT`; RefusedError `E_REFUSED_NOT_RUNNING`, `E_REFUSED_TRANSIENT`
 */
export function impactOf(flags: ImpactFlags, domain: Changeable): Impact {
  if (flags.current && (flags.live || flags.config)) {
    throw new UsageError('E_USAGE_IMPACT', `--current excludes ${flags.live ? '--live' : '--config'}`, {
      hint: 'Leave --current out: it is what is done anyway.',
    });
  }
  if (flags.persistent === true && (flags.current || flags.live || flags.config)) {
    throw new UsageError('E_USAGE_IMPACT', '--persistent excludes --live, --config and --current', {
      hint: 'It is --live --config where the domain runs, and --config where it does not.',
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
