/** The verbs as `--help` and the reference list them: heading, and names in order. */
export const VERB_GROUPS: readonly (readonly [string, readonly string[]])[] = [
  ['Migration', ['migrate', 'evacuate', 'serve', 'receive', 'migrate-receive', 'xl-relay', 'recover']],
  [
    'Domains',
    [
      'list',
      'define',
      'undefine',
      'create',
      'start',
      'autostart',
      'shutdown',
      'reboot',
      'reset',
      'destroy',
      'suspend',
      'resume',
      'dompmsuspend',
      'dompmwakeup',
      'save',
      'restore',
      'managedsave',
      'managedsave-remove',
      'dump',
      'domrename',
      'domid',
      'domname',
      'domuuid',
      'domstate',
      'dominfo',
      'dumpxml',
      'metadata',
      'desc',
      'setmem',
      'setmaxmem',
      'setvcpus',
      'vcpucount',
      'vcpuinfo',
      'vcpupin',
      'schedinfo',
      'dommemstat',
      'domjobinfo',
      'domjobabort',
    ],
  ],
  [
    'Devices',
    [
      'attach-device',
      'detach-device',
      'update-device',
      'attach-disk',
      'detach-disk',
      'change-media',
      'domblklist',
      'domblkstat',
      'attach-interface',
      'detach-interface',
      'domiflist',
      'domifstat',
      'domifaddr',
    ],
  ],
  [
    'Host',
    ['capabilities', 'domcapabilities', 'cpu-compare', 'cpu-baseline', 'monitor', 'event', 'logs', 'config-check'],
  ],
  ['Certificates', ['pki']],
  ['Tools', ['domxml-from-native', 'domxml-to-native', 'stream', 'demo', 'version']],
];

/** A verb's name and what it does. */
export interface Listed {
  readonly name: string;
  readonly describe: string;
}

const NAME_COLUMNS = 22;

/** The verbs under their headings, no line longer than `columns`. */
export function verbList(verbs: readonly Listed[], columns: number): string {
  const describes = new Map(verbs.map(({ name, describe }) => [name, describe]));
  const line = (name: string): string => {
    const [first = '', ...rest] = wrapped(describes.get(name) ?? '', Math.max(20, columns - NAME_COLUMNS));
    return [`  ${name}`.padEnd(NAME_COLUMNS) + first, ...rest.map((one) => ' '.repeat(NAME_COLUMNS) + one)].join('\n');
  };
  return VERB_GROUPS.map(([heading, names]) => [`${heading}:`, ...names.map(line)].join('\n')).join('\n\n');
}

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
