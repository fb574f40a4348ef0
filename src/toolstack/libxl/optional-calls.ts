import type { Ability } from '../toolstack.js';
import type { Library } from './foreign.js';

/** The calls that an ability needs (libxl.h). */
const CALLS: Readonly<Record<Ability, readonly string[]>> = {
  balloon: ['libxl_set_memory_target'],
  'vcpu-hotplug': ['libxl_set_vcpuonline'],
  'vcpu-info': ['libxl_list_vcpu', 'libxl_vcpuinfo_list_free'],
  'vcpu-pinning': ['libxl_set_vcpuaffinity'],
  scheduling: ['libxl_domain_sched_params_get', 'libxl_domain_sched_params_set'],
  buttons: ['libxl_send_trigger'],
  'core-dump': ['libxl_domain_core_dump'],
  'dom0-balloon': ['libxl_domain_need_memory', 'libxl_set_memory_target'],
  'disk-hotplug': ['libxl_device_disk_add', 'libxl_device_disk_remove', 'libxl_vdev_to_device_disk'],
  'disk-safe-detach': ['libxl_device_disk_safe_remove'],
  'interface-hotplug': ['libxl_device_nic_add', 'libxl_device_nic_remove', 'libxl_mac_to_device_nic'],
  'usb-hotplug': [
    'libxl_device_usbctrl_add',
    'libxl_device_usbctrl_remove',
    'libxl_device_usbdev_add',
    'libxl_device_usbdev_remove',
  ],
  'media-change': ['libxl_cdrom_insert'],
  'pm-suspend': ['libxl_domain_suspend_only'],
  'soft-reset': ['libxl_domain_soft_reset'],
};

function hasCall(libxl: Pick<Library, 'symbol'>, name: string): boolean {
  try {
    libxl.symbol(name);
    return true;
  } catch {
    return false; // koffi throws for a missing symbol, the only error of a look-up
  }
}

/** Abilities for which a library has no calls (S25). Only looks symbols up. */
export function lackingAbilities(libxl: Pick<Library, 'symbol'>): Ability[] {
  const abilities = Object.keys(CALLS) as Ability[];
  return abilities.filter((ability) => !CALLS[ability].every((name) => hasCall(libxl, name)));
}

/**
 * A call that is bound at its first use: a library without it can be used for everything else. Calling it
 * then throws koffi's error, which names it.
 */
export function bindLate<Args extends unknown[], Result>(
  bind: () => (...args: Args) => Result,
): (...args: Args) => Result {
  let bound: ((...args: Args) => Result) | undefined;
  return (...args) => (bound ??= bind())(...args);
}
