// The streams that are sent: the real one where there is one, and three that are made.
import { randomFillSync } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  encodeDomainHeader,
  encodeImageHeader,
  encodeLibxlHeader,
  encodePageDataHeader,
  encodeRecord,
} from '../dist/savestream/encode.js';
import { LibxcRecord, LibxlRecord } from '../dist/savestream/layout.js';

const PAGE = 4096;
const BATCH = 1024;
/** Made streams are so long, and then repeated: far longer than what any contender looks back. */
const MADE_PAGES = 32 * 1024;

/** Of the real stream's pages: zero, the same as one shortly before, others. */
const REAL_PARTS = { zero: 0.335, repeated: 0.175 };

/** Words of many lengths out of a small vocabulary: what zstd makes of this is near to what it makes of a guest's memory. */
function literal(page, seed) {
  let state = seed * 2654435761 + 1;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  for (let at = 0; at < PAGE;) {
    const kind = next() >>> 28;
    const length = Math.min(PAGE - at, 8 + (next() >>> 27));
    if (kind < 6) page.fill(next() >>> 24, at, at + length);
    else if (kind < 10) for (let i = at; i + 4 <= at + length; i += 4) page.writeUInt32LE(next() >>> 24, i);
    else for (let i = at; i < at + length; i += 1) page[i] = next() >>> 24;
    at += length;
  }
}

function make(path, pageOf) {
  const fd = openSync(path, 'w');
  const head = [
    encodeLibxlHeader(),
    encodeRecord(LibxlRecord.LIBXC_CONTEXT),
    encodeImageHeader({ version: 3 }),
    encodeDomainHeader({ type: 'x86-hvm', xenMajor: 4, xenMinor: 17 }),
    encodeRecord(LibxcRecord.STATIC_DATA_END),
  ];
  for (const part of head) writeSync(fd, part);
  const pages = Buffer.alloc(BATCH * PAGE);
  for (let first = 0; first < MADE_PAGES; first += BATCH) {
    for (let index = 0; index < BATCH; index += 1) {
      pageOf(pages.subarray(index * PAGE, (index + 1) * PAGE), first + index, pages);
    }
    writeSync(fd, encodePageDataHeader(Array.from({ length: BATCH }, (_, index) => ({ pfn: first + index, type: 0 }))));
    writeSync(fd, pages);
  }
  writeSync(fd, encodeRecord(LibxcRecord.END));
  writeSync(fd, encodeRecord(LibxlRecord.END));
  closeSync(fd);
}

const MAKERS = {
  generated: (path) => {
    let seed = 1;
    make(path, (page, pfn, pages) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      const part = seed / 2 ** 32;
      if (part < REAL_PARTS.zero) page.fill(0);
      else if (part < REAL_PARTS.zero + REAL_PARTS.repeated && pfn % BATCH > 0) {
        const index = seed % (pfn % BATCH);
        page.set(pages.subarray(index * PAGE, (index + 1) * PAGE));
      } else literal(page, pfn);
    });
  },
  incompressible: (path) => make(path, (page) => void randomFillSync(page)),
  zero: (path) => make(path, (page) => void page.fill(0)),
};

/** The real stream: what was named, or the full one in a `shared/fixtures` folder beside the project. */
function findReal(named, dir) {
  const beside = fileURLToPath(new URL('../../shared/fixtures', import.meta.url));
  const found =
    named ??
    (existsSync(beside)
      ? readdirSync(beside)
          .filter((name) => name.includes('full'))
          .map((name) => join(beside, name))[0]
      : undefined);
  if (found === undefined) return undefined;
  if (!/\.(xz|gz|zst)$/.test(found)) return found;
  const path = join(dir, 'real.libxl');
  const program = { xz: 'xz', gz: 'gzip', zst: 'zstd' }[found.split('.').at(-1)];
  const fd = openSync(path, 'w');
  execFileSync(program, ['-dc', found], { stdio: ['ignore', fd, 'inherit'] });
  closeSync(fd);
  return path;
}

/**
 * The inputs: a file each, once.
 * @param options names: which; input: a file for `real`; dir: where to put files
 */
export function prepareInputs({ names, input, dir }) {
  const inputs = [];
  for (const name of names) {
    let path = join(dir, `${name}.libxl`);
    if (name === 'real') {
      path = findReal(input, dir);
      if (path === undefined) {
        process.stderr.write('bench: no real stream (name one with --input FILE): left out\n');
        continue;
      }
    } else MAKERS[name](path);
    inputs.push({ name, files: [path], rawBytes: statSync(path).size });
  }
  return inputs;
}

/** The same input as often as makes so many MiB at least; the file names repeat. */
export function repeated({ name, files: [path], rawBytes }, mib) {
  const times = Math.max(1, Math.ceil((mib * 2 ** 20) / rawBytes));
  return { name, mib, files: Array(times).fill(path), rawBytes: rawBytes * times };
}
