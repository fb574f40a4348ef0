import type { CrashAction } from '../../domain/definition/model.js';
import type { LifecycleActions } from '../../domain/lifecycle-actions.js';
import type { ShutdownReason } from '../../toolstack/toolstack.js';

/** What a guest's stop means for its domain. */
export type Ending =
  /** Not an end: its memory is being saved, and whoever does that knows what comes next. */
  | { readonly do: 'nothing' }
  /** Nobody has said what to do then: it is told, and the domain stays as it is. */
  | { readonly do: 'tell'; readonly text: string }
  | {
      readonly do: 'act';
      /** Why it stopped, as listeners are told. */
      readonly stopped: 'shutdown' | 'crashed';
      readonly action: CrashAction;
      /** The guest wanted to start again. */
      readonly reboot: boolean;
    };

/** What to do with a domain whose guest has stopped by itself (facts 3.9). */
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
      return { do: 'tell', text: 'its watchdog has stopped it; it is left as it is' };
    case 'soft_reset':
      return { do: 'tell', text: 'it asks for a soft reset, which is not done here; it is left as it is' };
    case 'unknown':
      return { do: 'tell', text: 'it has stopped for a reason that the toolstack does not know; it is left as it is' };
  }
}
