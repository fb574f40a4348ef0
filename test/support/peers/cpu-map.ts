import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { childNamed, childrenNamed, type XmlElement } from '../../../src/xml/element.js';
import { parseXml } from '../../../src/xml/parse.js';

/** libvirt's map of x86 processors, read from its sources. */
export interface CpuMap {
  readonly names: readonly string[];
  readonly featuresOf: (model: string) => readonly string[];
  readonly vendorOf: (model: string) => string | undefined;
  /** The name without a version where the version is that of the plain name. */
  readonly plainName: (model: string) => string;
}

export function readCpuMap(folder: string): CpuMap {
  const place = join(folder, 'src', 'cpu_map');
  const elements = new Map<string, XmlElement>();
  for (const file of readdirSync(place).filter(
    (name) => /^x86_.*\.xml$/.test(name) && !/features|vendors/.test(name),
  )) {
    for (const model of childrenNamed(parseXml(readFileSync(join(place, file), 'utf8')), 'model')) {
      elements.set(model.attributes.get('name') ?? '', model);
    }
  }
  const parentOf = (model: XmlElement | undefined): string | undefined =>
    model === undefined ? undefined : childNamed(model, 'model')?.attributes.get('name');
  const featuresOf = (name: string): readonly string[] => {
    const model = elements.get(name);
    if (model === undefined) return [];
    const parent = parentOf(model);
    const features = new Set(parent === undefined ? [] : featuresOf(parent));
    for (const feature of childrenNamed(model, 'feature')) {
      const own = feature.attributes.get('name') ?? '';
      if (feature.attributes.get('removed') === 'yes') features.delete(own);
      else features.add(own);
    }
    return [...features].sort();
  };
  const vendorOf = (name: string): string | undefined => {
    const model = elements.get(name);
    const own = model === undefined ? undefined : childNamed(model, 'vendor')?.attributes.get('name');
    const parent = parentOf(model);
    return own ?? (parent === undefined ? undefined : vendorOf(parent));
  };
  const plainName = (name: string): string => {
    const model = elements.get(name);
    const parent = parentOf(model);
    const isAlias =
      /-v\d+$/.test(name) && parent !== undefined && String(featuresOf(parent)) === String(featuresOf(name));
    return isAlias ? parent : name;
  };
  return { names: [...elements.keys()].sort(), featuresOf, vendorOf, plainName };
}
