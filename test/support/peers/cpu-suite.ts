import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { baselineCpu } from '../../../src/domain/cpu/baseline-cpu.js';
import { compareCpu } from '../../../src/domain/cpu/compare-cpu.js';
import { isReported, wordsOf } from '../../../src/domain/cpu/cpu-features.js';
import { cpuModel } from '../../../src/domain/cpu/cpu-models.js';
import { certainFeatures } from '../../../src/domain/cpu/asked-features.js';
import { readCpus, type DescribedCpu } from '../../../src/domain/cpu/described-cpu.js';
import { childNamed, childrenNamed, textOf, type XmlElement } from '../../../src/xml/element.js';
import { parseXml } from '../../../src/xml/parse.js';
import type { CpuMap } from './cpu-map.js';
import { namedTests } from './libvirt-tests.js';
import { differencesOf, type Outcome, type PeerCase } from './outcome.js';
import { refusing, taken } from './refusing.js';

/* libvirt's tests/cputestdata, as far as it is about x86 and about the host: compare, baseline and the models themselves. */

const X86 = 'VIR_ARCH_X86_64';

export function cpuCases(folder: string, source: string, map: CpuMap): PeerCase[] {
  const text = (name: string): string =>
    readFileSync(join(folder, 'tests', 'cputestdata', `x86_64-${name}.xml`), 'utf8');
  return [
    ...namedTests(folder, 'cputest.c').flatMap(({ macro, words }): PeerCase[] => {
      if (words[0] !== X86) return [];
      switch (macro) {
        case 'DO_TEST_COMPARE':
          return [compareCase(words, source, text)];
        case 'DO_TEST_BASELINE':
          return [baselineCase(words, source, text, map)];
        case 'DO_TEST_CPUID_BASELINE':
          return [cpuidBaselineCase(words, source, text, map)];
        default:
          return [];
      }
    }),
    ...modelCases(source, map),
  ];
}

type Text = (name: string) => string;

function compareCase([, host, name, expected]: readonly string[], source: string, text: Text): PeerCase {
  const theirs = expected.replace('VIR_CPU_COMPARE_', '').toLowerCase();
  return {
    suite: 'cpu-compare',
    source,
    name: `${host}, ${name}`,
    run: refusing(theirs === 'error', () => {
      const [cpu] = readCpus(text(host), host);
      const words = wordsOf(certainFeatures(cpu));
      const { result } = compareCpu({ arch: cpu.arch ?? 'x86_64', words }, readCpus(text(name), name)[0]);
      if (theirs === 'error') return taken(result);
      return result === theirs
        ? { kind: 'compared', differences: [] }
        : { kind: 'compared', differences: [{ path: 'result', theirs, ours: result }] };
    }),
  };
}

function baselineCase([, name, flags, result]: readonly string[], source: string, text: Text, map: CpuMap): PeerCase {
  const expand = flags.includes('EXPAND');
  const migratable = flags.includes('MIGRATABLE');
  const suffix = expand ? 'expanded' : migratable ? 'migratable' : 'result';
  return {
    suite: 'cpu-baseline',
    source,
    name: `${name} ${suffix}`,
    run: refusing(result === '-1', () => {
      const ours = baselineCpu(readCpus(text(`baseline-${name}`), name), { expand, migratable });
      if (result === '-1') return taken(ours.model ?? '');
      return compareBaseline(parseXml(text(`baseline-${name}-${suffix}`)), { ...ours, arch: undefined }, map);
    }),
  };
}

function cpuidBaselineCase(
  [, label, one, other]: readonly string[],
  source: string,
  text: Text,
  map: CpuMap,
): PeerCase {
  return {
    suite: 'cpu-baseline',
    source,
    name: `${label} (${one}, ${other})`,
    run: refusing(false, () => {
      const hosts = [one, other].map((name) => asHost(readCpus(text(`cpuid-${name}-json`), name)[0]));
      const ours = baselineCpu(hosts, { expand: false, migratable: false });
      return compareBaseline(parseXml(text(`cpuid-baseline-${label}`)), { ...ours, arch: undefined }, map);
    }),
  };
}

/** A guest's CPU that libvirt made of a host's features says what the host has. */
function asHost(cpu: DescribedCpu): DescribedCpu {
  return { ...cpu, mode: undefined };
}

/** What Xen does not report has no place in a comparison of sets: libvirt's features of VMX and of model-specific registers. */
const reported = (features: Iterable<string>): string[] => [...features].filter(isReported);

function compareBaseline(theirs: XmlElement, ours: DescribedCpu, map: CpuMap): Outcome {
  const model = childNamed(theirs, 'model');
  const name = model === undefined ? '' : textOf(model);
  const wanted = new Set(map.featuresOf(name));
  for (const feature of childrenNamed(theirs, 'feature')) {
    const own = feature.attributes.get('name') ?? '';
    if (feature.attributes.get('policy') === 'disable') wanted.delete(own);
    else wanted.add(own);
  }
  const leaves = (features: Iterable<string>, of: string): Map<string, string> =>
    new Map([
      ['model', map.plainName(of)],
      ...reported(features).map((one): [string, string] => [`feature ${one}`, 'has']),
    ]);
  return {
    kind: 'compared',
    differences: differencesOf(leaves(wanted, name), leaves(certainFeatures(ours), ours.model ?? '')),
  };
}

/** Every model of libvirt's map: the same features, and the same maker. */
function modelCases(source: string, map: CpuMap): PeerCase[] {
  return map.names.map((name) => ({
    suite: 'CPU models',
    source,
    name,
    run: () => {
      const ours = cpuModel(name);
      if (ours === undefined)
        return { kind: 'compared', differences: [{ path: 'model', theirs: name, ours: undefined }] };
      const leaves = (vendor: string | undefined, features: Iterable<string>): Map<string, string> =>
        new Map([
          ['vendor', vendor ?? 'any'],
          ...[...features]
            .filter((one) => !one.startsWith('vmx-'))
            .map((one): [string, string] => [`feature ${one}`, 'has']),
        ]);
      return {
        kind: 'compared',
        differences: differencesOf(
          leaves(map.vendorOf(name), map.featuresOf(name)),
          leaves(ours.vendor, ours.features),
        ),
      };
    },
  }));
}
