import { parseCpuSet, type CpuSet } from '../cpu-set.js';
import { given, type Json, type JsonObject } from '../libxl-json/json.js';
import { decimalOf, type Placed, type Settings } from './settings.js';
import { badConfig } from './syntax.js';

/*
 * `vnuma = [["pnode=0","size=1024","vcpus=0-1","vdistances=10,20"], …]`; sizes in MiB. As in xl (xl_parse.c,
 * `parse_vnuma_config`), the nodes determine memory and number of vcpus unless `maxmem` and `maxvcpus` do.
 */

const KIB_PER_MIB = 1024;
const MAX_NODE_MIB = 2 ** 26;

/** The virtual NUMA nodes of a guest. */
export interface Vnuma {
  readonly nodes: readonly JsonObject[];
  readonly memoryKiB: number;
  readonly vcpus: number;
}

interface Node {
  readonly fields: JsonObject;
  readonly memoryKiB: number;
  readonly vcpus: CpuSet;
}

function parseNode(items: readonly Placed[], warn: Settings['warn']): Node | undefined {
  const fields: Record<string, Json | undefined> = {};
  let memoryKiB: number | undefined;
  let vcpus: CpuSet | undefined;
  for (const { text, at } of items) {
    const equals = text.indexOf('=');
    const key = (equals < 0 ? text : text.slice(0, equals)).trim();
    const spec = { text: equals < 0 ? '' : text.slice(equals + 1).trim(), at };
    switch (key) {
      case 'pnode':
        fields.pnode = decimalOf(spec, 'vnuma: pnode', 0, 1023);
        break;
      case 'size':
        memoryKiB = decimalOf(spec, 'vnuma: size', 1, MAX_NODE_MIB) * KIB_PER_MIB;
        break;
      case 'vcpus':
        vcpus = parseCpuSet(spec.text);
        if (vcpus === undefined) throw badConfig(at, `vnuma: ${JSON.stringify(spec.text)} is not a set of vcpus`);
        break;
      case 'vdistances':
        fields.distances = spec.text
          .split(',')
          .filter((one) => one !== '')
          .map((one) => decimalOf({ text: one.trim(), at }, 'vnuma: vdistances', 10, 254));
        break;
      // xl ignores others.
      default:
        warn(at, `vnuma: ${key} is not carried over: it is not a parameter of xl`);
    }
  }
  if (memoryKiB === undefined || vcpus === undefined) return undefined;
  return { fields: given({ memkb: memoryKiB, vcpus, ...fields }), memoryKiB, vcpus };
}

/** The nodes in a file; undefined if there are none. @throws UsageError `E_USAGE_XL_CONFIG` */
export function parseVnuma(settings: Settings): Vnuma | undefined {
  const nodes = settings.lists('vnuma').map(({ at, items }) => {
    const node = parseNode(items, settings.warn);
    if (node === undefined) throw badConfig(at, 'vnuma: size and vcpus must be given');
    return node;
  });
  if (nodes.length === 0) return undefined;
  return {
    nodes: nodes.map(({ fields }) => fields),
    memoryKiB: nodes.reduce((sum, node) => sum + node.memoryKiB, 0),
    vcpus: nodes.reduce((sum, node) => sum + node.vcpus.size, 0),
  };
}
