import type { EndAction, LifecycleActions } from '../../domain/lifecycle-actions.js';
import type { ShutdownReason } from '../../toolstack/toolstack.js';

/** What a guest's stop means for its domain. */
export type Ending =
  /** Not an end: its memory is being saved, and the saving process decides what comes next. */
  | { readonly do: 'nothing' }
  /** No action is configured: an event tells of it, and the domain stays as it is. */
  | { readonly do: 'tell'; readonly text: string }
  | {
      readonly do: 'act';
      /** Why it stopped, for the event. */
      readonly stopped: 'shutdown' | 'crashed';
      readonly action: EndAction;
      /** What is done instead where a soft reset fails. */
      readonly onFailure: Exclude<EndAction, 'soft-reset'>;
      /** The guest requested a reboot. */
      readonly reboot: boolean;
    };

/** The action for a domain whose guest has stopped by itself (facts 3.9). */
export function endingOf(reason: ShutdownReason, actions: LifecycleActions): Ending {
  const { onCrash } = actions;
  const onFailure = onCrash === 'soft-reset' ? 'destroy' : onCrash;
  switch (reason) {
    case 'suspend':
      return { do: 'nothing' };
    case 'poweroff':
      return { do: 'act', stopped: 'shutdown', action: actions.onPoweroff, reboot: false, onFailure };
    case 'reboot':
      return { do: 'act', stopped: 'shutdown', action: actions.onReboot, reboot: true, onFailure };
    case 'crash':
      return { do: 'act', stopped: 'crashed', action: onCrash, reboot: false, onFailure };
    case 'watchdog':
      return actions.onWatchdog === undefined
        ? { do: 'tell', text: 'its watchdog has stopped it; no action is taken' }
        : { do: 'act', stopped: 'crashed', action: actions.onWatchdog, reboot: false, onFailure };
    case 'soft_reset':
      return { do: 'act', stopped: 'shutdown', action: actions.onSoftReset ?? 'soft-reset', reboot: false, onFailure };
    case 'unknown':
      return { do: 'tell', text: 'it has stopped for a reason unknown to the toolstack; no action is taken' };
  }
}
