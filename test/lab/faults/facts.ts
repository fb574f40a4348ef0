/** A domain as `xl list` shows it. */
export interface SeenDomain {
  readonly name: string;
  readonly domid: number;
  /** xl's letters: `-b----`, `--p---`, `---s--`. */
  readonly state: string;
}

/** What a host has, as `facts` of on-host.sh tells it. */
export interface Facts {
  readonly domains: readonly SeenDomain[];
  /** The last records of the journals that the case began. */
  readonly journals: readonly { readonly side: string; readonly state: string }[];
  /** Domains that xenstore has nodes of: `/local/domain 7`. */
  readonly nodes: readonly string[];
  readonly programs: readonly string[];
  readonly files: readonly string[];
}

/** @throws where a line is none of those that `facts` prints */
export function parseFacts(text: string): Facts {
  const domains: SeenDomain[] = [];
  const journals: { side: string; state: string }[] = [];
  const others: Record<string, string[]> = { node: [], program: [], file: [] };
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [kind, first = '', second = '', third = ''] = line.split(' ');
    if (kind === 'domain') domains.push({ name: first, domid: Number(second), state: third });
    else if (kind === 'journal') journals.push({ side: first, state: second });
    else if (kind in others) others[kind].push(line.slice(kind.length + 1));
    else throw new Error(`no fact: ${line}`);
  }
  return { domains, journals, nodes: others.node, programs: others.program, files: others.file };
}

const FINAL = new Set(['gone', 'kept', 'arrived', 'refused']);

/** What xl calls a domain whose name went while it looked. */
const GOING = '(null)';

/** Everything is decided, and whoever worked on it has gone. */
export function isSettled({ journals, programs, domains }: Facts): boolean {
  return (
    journals.every(({ state }) => FINAL.has(state)) &&
    programs.length === 0 &&
    domains.every(({ name, state }) => name !== GOING && !state.includes('d'))
  );
}

/** It runs: neither paused, nor shut down or suspended, nor crashed, nor dying. */
export function isRunning({ state }: SeenDomain): boolean {
  return !/[pscd]/.test(state);
}

/** What is there that belongs to no domain of the list. */
export function leftovers({ domains, nodes, programs, files }: Facts): string[] {
  const ids = new Set(domains.map(({ domid }) => String(domid)));
  const strays = nodes.filter((node) => {
    const [folder, name] = node.split(' ');
    return folder !== '/vm' && !ids.has(name);
  });
  const vms = nodes.filter((node) => node.startsWith('/vm '));
  return [...strays, ...(vms.length > domains.length ? vms : []), ...programs, ...files];
}
