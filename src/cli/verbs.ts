import type { Verb } from './program.js';
import { verbWordOf } from './verb-word.js';

type Load = () => Promise<unknown>;

/** Every verb with its module: only the needed one is loaded, since every verb is a process of its own. */
const VERBS: Readonly<Record<string, Load>> = {
  migrate: async () => (await import('./commands/migrate.js')).migrateCommand,
  evacuate: async () => (await import('./commands/evacuate.js')).evacuateCommand,
  serve: async () => (await import('./commands/serve.js')).serveCommand,
  receive: async () => (await import('./commands/receive.js')).receiveCommand,
  'migrate-receive': async () => (await import('./commands/from-xl.js')).migrateReceiveCommand,
  'xl-relay': async () => (await import('./commands/from-xl.js')).xlRelayCommand,
  recover: async () => (await import('./commands/recover.js')).recoverCommand,
  list: async () => (await import('./commands/list.js')).listCommand,
  define: async () => (await import('./commands/define.js')).defineCommand,
  undefine: async () => (await import('./commands/define.js')).undefineCommand,
  create: async () => (await import('./commands/define.js')).createCommand,
  start: async () => (await import('./commands/start.js')).startCommand,
  autostart: async () => (await import('./commands/start.js')).autostartCommand,
  managedsave: async () => (await import('./commands/managedsave.js')).managedsaveCommand,
  'managedsave-remove': async () => (await import('./commands/managedsave.js')).managedsaveRemoveCommand,
  domrename: async () => (await import('./commands/naming.js')).domrenameCommand,
  domid: async () => (await import('./commands/naming.js')).domidCommand,
  domname: async () => (await import('./commands/naming.js')).domnameCommand,
  domuuid: async () => (await import('./commands/naming.js')).domuuidCommand,
  domstate: async () => (await import('./commands/domstate.js')).domstateCommand,
  dominfo: async () => (await import('./commands/dominfo.js')).dominfoCommand,
  dumpxml: async () => (await import('./commands/dominfo.js')).dumpxmlCommand,
  'domxml-from-native': async () => (await import('./commands/domxml.js')).domxmlFromNativeCommand,
  'domxml-to-native': async () => (await import('./commands/domxml.js')).domxmlToNativeCommand,
  destroy: async () => (await import('./commands/power.js')).destroyCommand,
  shutdown: async () => (await import('./commands/power.js')).shutdownCommand,
  reboot: async () => (await import('./commands/power.js')).rebootCommand,
  reset: async () => (await import('./commands/power.js')).resetCommand,
  dompmsuspend: async () => (await import('./commands/pm.js')).dompmsuspendCommand,
  dompmwakeup: async () => (await import('./commands/pm.js')).dompmwakeupCommand,
  metadata: async () => (await import('./commands/metadata.js')).metadataCommand,
  desc: async () => (await import('./commands/metadata.js')).descCommand,
  dump: async () => (await import('./commands/dump.js')).dumpCommand,
  setmem: async () => (await import('./commands/tune.js')).setmemCommand,
  setmaxmem: async () => (await import('./commands/tune.js')).setmaxmemCommand,
  setvcpus: async () => (await import('./commands/tune.js')).setvcpusCommand,
  vcpucount: async () => (await import('./commands/tune.js')).vcpucountCommand,
  vcpuinfo: async () => (await import('./commands/tune.js')).vcpuinfoCommand,
  vcpupin: async () => (await import('./commands/tune.js')).vcpupinCommand,
  'attach-device': async () => (await import('./commands/devices.js')).attachDeviceCommand,
  'detach-device': async () => (await import('./commands/devices.js')).detachDeviceCommand,
  'update-device': async () => (await import('./commands/devices.js')).updateDeviceCommand,
  'attach-disk': async () => (await import('./commands/disks.js')).attachDiskCommand,
  'detach-disk': async () => (await import('./commands/disks.js')).detachDiskCommand,
  'change-media': async () => (await import('./commands/disks.js')).changeMediaCommand,
  domblklist: async () => (await import('./commands/disks.js')).domblklistCommand,
  'attach-interface': async () => (await import('./commands/interfaces.js')).attachInterfaceCommand,
  'detach-interface': async () => (await import('./commands/interfaces.js')).detachInterfaceCommand,
  domiflist: async () => (await import('./commands/interfaces.js')).domiflistCommand,
  schedinfo: async () => (await import('./commands/schedinfo.js')).schedinfoCommand,
  domblkstat: async () => (await import('./commands/statistics.js')).domblkstatCommand,
  dommemstat: async () => (await import('./commands/statistics.js')).dommemstatCommand,
  domifstat: async () => (await import('./commands/statistics.js')).domifstatCommand,
  domifaddr: async () => (await import('./commands/domifaddr.js')).domifaddrCommand,
  suspend: async () => (await import('./commands/power.js')).suspendCommand,
  resume: async () => (await import('./commands/power.js')).resumeCommand,
  save: async () => (await import('./commands/save.js')).saveCommand,
  restore: async () => (await import('./commands/save.js')).restoreCommand,
  monitor: async () => (await import('./commands/monitor.js')).monitorCommand,
  event: async () => (await import('./commands/event.js')).eventCommand,
  domjobinfo: async () => (await import('./commands/jobs.js')).domjobinfoCommand,
  domjobabort: async () => (await import('./commands/jobs.js')).domjobabortCommand,
  capabilities: async () => (await import('./commands/capabilities.js')).capabilitiesCommand,
  domcapabilities: async () => (await import('./commands/domcapabilities.js')).domcapabilitiesCommand,
  'cpu-compare': async () => (await import('./commands/cpu.js')).cpuCompareCommand,
  'cpu-baseline': async () => (await import('./commands/cpu.js')).cpuBaselineCommand,
  'config-check': async () => (await import('./commands/config-check.js')).configCheckCommand,
  logs: async () => (await import('./commands/logs.js')).logsCommand,
  pki: async () => (await import('./commands/pki.js')).pkiCommand,
  stream: async () => (await import('./commands/stream.js')).streamCommand,
  demo: async () => (await import('./commands/demo.js')).demoCommand,
  version: async () => (await import('./commands/version.js')).versionCommand,
};

export const VERB_NAMES: readonly string[] = Object.keys(VERBS);

/** The verb in a command line; undefined if there is none, or an unknown one. */
export function verbOf(words: readonly string[]): string | undefined {
  const word = verbWordOf(words);
  return word !== undefined && Object.hasOwn(VERBS, word) ? word : undefined;
}

/** The modules that a command line needs: its verb's, or all of them for help, completion and errors. */
export async function loadVerbs(words: readonly string[]): Promise<Verb[]> {
  const verb = verbOf(words);
  const loads = verb === undefined ? Object.values(VERBS) : [VERBS[verb]];
  return (await Promise.all(loads.map((load) => load()))) as Verb[];
}
