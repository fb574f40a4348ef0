import { open, type FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/*
 * Other files that a disk image names: the backend of the image opens them together with it. Formats: QEMU's
 * docs/interop/qcow2.txt and qed_spec.txt, "Header"; Microsoft's Virtual Hard Disk Image Format Specification, "Hard
 * Disk Footer Format".
 */

const QCOW = 0x514649fb;
const QED = 0x51454400;
const VHD = 'conectix';
const HEADER_BYTES = 104;
/** QEMU's own bound on the name of a backing file. */
const MAX_NAME_BYTES = 1023;
const QCOW2_V3 = 3;
const QCOW2_EXTERNAL_DATA = 0x4n;
const QED_BACKING = 0x1n;
const VHD_DIFFERENCING = 4;
/** Longest chain of images that is followed; longer chains of snapshots are usually merged. */
const MAX_CHAIN = 32;

/** What an image opens in addition to itself: a file, or something that is not a file or cannot be determined. */
type Next = { readonly path: string } | { readonly odd: string } | undefined;

/**
 * The files that an image opens in addition to itself, each by its absolute path, the nearest first; ends with a
 * description instead of a path if one is not a plain file. An image that cannot be read, or is in no format with such
 * names, opens none.
 */
export async function filesOfImage(path: string): Promise<{ readonly paths: string[]; readonly odd?: string }> {
  const paths: string[] = [];
  let at = path;
  for (let depth = 0; depth < MAX_CHAIN; depth += 1) {
    const next = await nextOf(at);
    if (next === undefined) return { paths };
    if ('odd' in next) return { paths, odd: next.odd };
    paths.push(next.path);
    at = next.path;
  }
  return { paths, odd: `a chain of more than ${MAX_CHAIN} images` };
}

async function nextOf(path: string): Promise<Next> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch {
    return undefined; // another check reports a missing file
  }
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    await file.read(header, 0, HEADER_BYTES, 0);
    if (header.toString('latin1', 0, VHD.length) === VHD) {
      return header.readUInt32BE(60) === VHD_DIFFERENCING ? { odd: 'the parent of a differencing VHD' } : undefined;
    }
    switch (header.readUInt32BE(0)) {
      case QCOW:
        return await ofQcow(file, header, path);
      case QED:
        return (header.readBigUInt64LE(16) & QED_BACKING) === 0n
          ? undefined
          : named(await nameAt(file, BigInt(header.readUInt32LE(56)), header.readUInt32LE(60)), path);
      default:
        return undefined;
    }
  } finally {
    await file.close();
  }
}

async function ofQcow(file: FileHandle, header: Buffer, path: string): Promise<Next> {
  const isV3 = header.readUInt32BE(4) >= QCOW2_V3;
  if (isV3 && (header.readBigUInt64BE(72) & QCOW2_EXTERNAL_DATA) !== 0n)
    return { odd: 'an external data file of qcow2' };
  const offset = header.readBigUInt64BE(8);
  return offset === 0n ? undefined : named(await nameAt(file, offset, header.readUInt32BE(16)), path);
}

async function nameAt(file: FileHandle, offset: bigint, bytes: number): Promise<string | undefined> {
  if (bytes === 0 || bytes > MAX_NAME_BYTES || offset > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  const name = Buffer.alloc(bytes);
  const { bytesRead } = await file.read(name, 0, bytes, Number(offset));
  return bytesRead === bytes ? name.toString('utf8') : undefined;
}

/** QEMU takes the text before a colon as a protocol, unless a slash precedes it. */
function named(name: string | undefined, path: string): Next {
  if (name === undefined) return { odd: 'a backing file whose name cannot be read' };
  if (/^[^/]*:/.test(name)) return { odd: `the backing file ${JSON.stringify(name.slice(0, 100))}` };
  return { path: resolve(dirname(path), name) };
}
