/** One thing to be done on a host of a page: a line of its setup comment, or a block of the page itself. */
export interface Step {
  readonly host: string;
  readonly kind: 'setup' | 'sh' | 'toml';
  readonly text: string;
  /** Line of the page, from 1. */
  readonly line: number;
}

/**
 * The steps of a guide, in its order. A block of commands says on which host it is run (```` ```sh hv1 ````), a
 * piece of the configuration likewise (```` ```toml hv1 ````, or `both`). A comment that begins with `setup` prepares
 * hosts, a line `HOST: WORD ARGUMENT…` each. A block ```` ```sh hv1 exit 3 ```` shows commands that cannot succeed on these hosts:
 * each must end with that code, so that the command line parses. Blocks of another language are shown and not run.
 */
export function stepsOf(page: string): Step[] {
  const steps: Step[] = [];
  const lines = page.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    const fence = /^```(\w+) ?(\w*)(?: exit (\d+))?$/.exec(lines[at]);
    if (fence !== null) {
      const from = at + 1;
      while (++at < lines.length && lines[at] !== '```');
      const [, language, host] = fence;
      const code = fence.at(3);
      const body = lines.slice(from, at);
      const text = (code === undefined ? body : body.map((command) => endsWith(command, code))).join('\n');
      if (language === 'sh') steps.push({ host: host === '' ? 'hv1' : host, kind: 'sh', text, line });
      else if (language === 'toml' && host !== '')
        for (const one of host === 'both' ? ['hv1', 'hv2'] : [host])
          steps.push({ host: one, kind: 'toml', text, line });
      continue;
    }
    if (lines[at] !== '<!-- setup') continue;
    while (++at < lines.length && lines[at] !== '-->') {
      const setup = /^(hv\d): (.+)$/.exec(lines[at]);
      if (setup === null) throw new Error(`line ${at + 1}: a setup line is "HOST: WORD ARGUMENT…"`);
      steps.push({ host: setup[1], kind: 'setup', text: setup[2], line: at + 1 });
    }
  }
  return steps;
}

/** A command that must end with the exit code; its own line, since a comment may end it. */
function endsWith(command: string, code: string): string {
  return `code=0\n{ ${command}\n} || code=$?\n[ "$code" = ${code} ] || { echo "exit code $code, not ${code}"; false; }`;
}
