/** More processors than any Xen host has (its own limit is 4095). */
const MAX_CPU = 4095;

/** Numbers of processors, ascending, each once. */
export type CpuSet = readonly number[];

/**
 * Reads libvirt's cpuset: numbers and ranges with commas between them, `^N` takes one out (`0-7,^3`).
 * Undefined where the text is none, or empty, or leaves no processor.
 */
export function parseCpuSet(text: string): CpuSet | undefined {
  // A map, so that a text of nothing but wide ranges costs no more than a short one of its length.
  const on = new Uint8Array(MAX_CPU + 1);
  for (const part of text.split(',')) {
    const out = /^\s*\^(\d{1,4})\s*$/.exec(part);
    if (out !== null) {
      if (Number(out[1]) <= MAX_CPU) on[Number(out[1])] = 0;
      continue;
    }
    const range = /^\s*(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part)?.filter((digits) => typeof digits === 'string');
    if (range === undefined) return undefined;
    const [from, to] = [Number(range[1]), Number(range.at(-1))];
    if (to < from || to > MAX_CPU) return undefined;
    on.fill(1, from, to + 1);
  }
  const cpus = [...on.keys()].filter((cpu) => on[cpu] === 1);
  return cpus.length === 0 ? undefined : cpus;
}

/** The shortest form: `0-2,4`. */
export function formatCpuSet(cpus: CpuSet): string {
  const ranges: string[] = [];
  let start = 0;
  cpus.forEach((cpu, index) => {
    if (cpus.at(index + 1) === cpu + 1) return;
    ranges.push(start === index ? String(cpu) : `${cpus[start]}-${cpu}`);
    start = index + 1;
  });
  return ranges.join(',');
}
