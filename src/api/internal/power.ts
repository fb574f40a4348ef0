export { PM_TARGETS, pmSuspendDomain, type PmTarget, pmWakeUpDomain } from '../../operations/lifecycle/pm-suspend.js';
export { POWER_MODES } from '../../operations/lifecycle/power.js';
