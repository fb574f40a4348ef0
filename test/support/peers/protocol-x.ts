import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENTS, PROCEDURES } from '../../../src/libvirt/wire/procedures.js';
import { domain, remoteError, typedParam } from '../../../src/libvirt/wire/types.js';
import { differencesOf, type PeerCase } from './outcome.js';

/* libvirt's src/remote/remote_protocol.x against the table of procedures: numbers, and the shapes of what goes over the wire. */

const FILE = ['src', 'remote', 'remote_protocol.x'];

/** Bounds that the file takes from libvirt's public header, libvirt-host.h and libvirt-domain.h. */
const FOREIGN: ReadonlyMap<string, number> = new Map([
  ['VIR_SECURITY_MODEL_BUFLEN', 257],
  ['VIR_SECURITY_LABEL_BUFLEN', 4097],
  ['VIR_SECURITY_DOI_BUFLEN', 257],
  ['VIR_UUID_BUFLEN', 16],
]);

const SIMPLE: ReadonlyMap<string, string> = new Map([
  ['int', 'int'],
  ['unsigned int', 'uint'],
  ['unsigned char', 'uint'],
  ['unsigned short', 'uint'],
  ['hyper', 'hyper'],
  ['unsigned hyper', 'uhyper'],
  ['double', 'double'],
  ['char', 'char'],
  ['opaque', 'opaque'],
  ['string', 'string'],
]);

/** A file in the language of rpcgen, as far as libvirt uses it. */
export class ProtocolFile {
  readonly #text: string;
  readonly #bounds = new Map(FOREIGN);
  readonly #shapes = new Map<string, string>();
  readonly procedures: ReadonlyMap<string, number>;

  constructor(text: string) {
    this.#text = text.replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, name, value] of this.#text.matchAll(/const (\w+)\s*=\s*(\w+);/g)) {
      this.#bounds.set(name, this.#bounds.get(value) ?? Number(value));
    }
    this.procedures = new Map(
      [...this.#text.matchAll(/REMOTE_PROC_(\w+) = (\d+)/g)].map(([, name, number]) => [name, Number(number)]),
    );
  }

  #bound(text: string): number {
    return this.#bounds.get(text) ?? Number(text);
  }

  /** The shape of a structure or alias; `void` where the file has none of that name. */
  shape(name: string): string {
    const simple = SIMPLE.get(name);
    if (simple !== undefined) return simple;
    if (name === 'remote_typed_param') return typedParam.shape;
    if (name === 'remote_auth_type') return 'int';
    const known = this.#shapes.get(name);
    if (known !== undefined) return known;
    const shape = this.#read(name);
    this.#shapes.set(name, shape);
    return shape;
  }

  #read(name: string): string {
    const alias = new RegExp(`typedef\\s+([\\w ]+?)\\s*(\\*?)\\s*${name}(?:([<\\[])(\\w+)[>\\]])?;`).exec(this.#text);
    if (alias !== null) return this.#field(alias[1], alias[2], alias[3], alias[4]);
    const struct = new RegExp(`struct ${name} \\{([\\s\\S]*?)\\n\\};`).exec(this.#text);
    if (struct === null) return 'void';
    const fields = [...struct[1].matchAll(/([\w ]+?)\s*(\*?)\s*(\w+)(?:([<[])(\w+)[>\]])?;/g)];
    return `{${fields.map(([, type, pointer, , bracket, bound]) => this.#field(type.trim(), pointer, bracket, bound)).join(',')}}`;
  }

  #field(type: string, pointer: string, bracket: string | undefined, bound: string | undefined): string {
    const shape = this.shape(type.trim());
    const base =
      bracket === undefined || bound === undefined
        ? shape
        : `${shape}${bracket}${this.#bound(bound)}${bracket === '<' ? '>' : ']'}`;
    return pointer === '*' ? `${base}?` : base;
  }
}

const upper = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).toUpperCase();

/** What the file calls a procedure of the table; the table drops `connect` and the versions of a call. */
function nameOf(file: ProtocolFile, number: number): string | undefined {
  return [...file.procedures].find(([, is]) => is === number)?.[0];
}

export function protocolCases(folder: string, source: string): PeerCase[] {
  const path = join(folder, ...FILE);
  if (!existsSync(path)) return [];
  const file = new ProtocolFile(readFileSync(path, 'utf8'));
  const about = { suite: 'remote protocol', source };
  const compared = (name: string, pairs: readonly (readonly [string, string, string])[]): PeerCase => ({
    ...about,
    name,
    run: () => ({
      kind: 'compared',
      differences: differencesOf(
        new Map(pairs.map(([key, theirs]) => [key, theirs])),
        new Map(pairs.map(([key, , ours]) => [key, ours])),
      ),
    }),
  });
  const calls = Object.entries(PROCEDURES).map(([name, { number, args, result }]) => {
    const theirs = nameOf(file, number) ?? 'none';
    const stem = `remote_${theirs.toLowerCase()}`;
    return compared(name, [
      ['name', String(isSameName(name, theirs)), 'true'],
      ['arguments', file.shape(`${stem}_args`), args.shape],
      ['result', file.shape(`${stem}_ret`), result.shape],
    ]);
  });
  const events = Object.entries(EVENTS).map(([name, { number, body }]) => {
    const theirs = nameOf(file, number) ?? 'none';
    return compared(name, [['body', file.shape(`remote_${theirs.toLowerCase()}_msg`), body.shape]]);
  });
  return [
    ...calls,
    ...events,
    compared('structures', [
      ['domain', file.shape('remote_nonnull_domain'), domain.shape],
      ['error', file.shape('remote_error'), remoteError.shape],
    ]),
  ];
}

/** The words of the table's name, in their order, are words of the file's. */
function isSameName(ours: string, theirs: string): boolean {
  const words = theirs.split('_');
  let at = 0;
  for (const word of upper(ours).split('_')) {
    const found = words.findIndex((one, index) => index >= at && one.startsWith(word));
    if (found < 0) return false;
    at = found + 1;
  }
  return true;
}
