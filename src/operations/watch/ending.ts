import type { CrashAction } from '../../domain/definition/model.js';
import type { LifecycleActions } from '../../domain/lifecycle-actions.js';
import type { ShutdownReason } from '../../toolstack/toolstack.js';

/** What a guest's stop means for its domain. */
export type Ending =
  /** Not an end: its memory is being saved, and the saving process decides what comes next. */
  | { readonly do: 'nothing' }
  /** Nobody has said what to do then: it is told, and the domain stays as it is. */
  | { readonly do: 'tell'; readonly text: string }
  | {
      readonly do: 'act';
      /** Why it stopped, for the event. */
      readonly stopped: 'shutdown' | 'crashed';
      readonly action: CrashAction;
      /** The guest requested a reboot. */
      readonly reboot: boolean;
    };

/** The action for a domain whose guest has stopped by itself (facts 3.9). */
export function endingOf(reason: ShutdownReason, actions: LifecycleActions): Ending {
  switch (reason) {
    case 'suspend':
      return { do: 'nothing' };
    case 'poweroff':
      return { do: 'act', stopped: 'shutdown', action: actions.onPoweroff, reboot: false };
    case 'reboot':
      return { do: 'act', stopped: 'shutdown', action: actions.onReboot, reboot: true };
    case 'crash':
      return { do: 'act', stopped: 'crashed', action: actions.onCrash, reboot: false };
    case 'watchdog':
      return { do: 'tell', text: 'its watchdog has stopped it; no action is taken' };
    case 'soft_reset':
      return { do: 'tell', text: 'it requested a soft reset, which is not supported; no action is taken' };
    case 'unknown':
      return { do: 'tell', text: 'it has stopped for a reason unknown to the toolstack; no action is taken' };
  }
}
