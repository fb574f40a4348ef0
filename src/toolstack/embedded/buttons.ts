import { readWorkload } from '../../domain/workload.js';
import { ToolstackError } from '../../errors/errors.js';
import { noButton } from '../no-button.js';
import { readConfig } from './domain-config.js';
import { requireBuilt } from './domain-record.js';
import type { LockedDomain } from './locked-domain.js';
import { askGuest, changeRunState } from './run-state.js';

/** Asks the guest's Xen drivers. @throws ToolstackError `E_TOOLSTACK_NO_PARAVIRT` if it has none */
export function askByControl(domain: LockedDomain, asked: 'poweroff' | 'reboot'): void {
  requireBuilt(domain.record);
  const { control } = readWorkload(readConfig(domain.folder).domain);
  if (control === 'none') {
    throw new ToolstackError('E_TOOLSTACK_NO_PARAVIRT', `domain ${domain.record.name} has no Xen drivers to ask`, {
      hint: 'Shut it down inside the guest or by its power button, or use destroy.',
      data: { domid: domain.record.domid },
    });
  }
  if (control === 'pv') askGuest(domain, asked);
}

/** Presses the power button, which the guest's ACPI handles. @throws RefusedError `E_REFUSED_UNSUPPORTED` */
export function pressPower(domain: LockedDomain): void {
  requireBuilt(domain.record);
  const config = readConfig(domain.folder).domain;
  if (config.type !== 'hvm') throw noButton(config, 'power');
  askGuest(domain, 'poweroff');
}

/** A simulated guest never sleeps by itself: there is nothing to end. @throws RefusedError `E_REFUSED_UNSUPPORTED` */
export function pressWake(domain: LockedDomain): void {
  requireBuilt(domain.record);
  const config = readConfig(domain.folder).domain;
  if (config.type !== 'hvm') throw noButton(config, 'wake');
}

/** Whatever the guest is doing. @throws RefusedError `E_REFUSED_UNSUPPORTED` */
export function pressReset(domain: LockedDomain): void {
  requireBuilt(domain.record);
  const config = readConfig(domain.folder).domain;
  if (config.type !== 'hvm') throw noButton(config, 'reset');
  changeRunState(domain, { shutdown: 'reboot' }, 'reset');
}
