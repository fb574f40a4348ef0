import type { Domain } from '../../../domain/model.js';
import { ToolstackError } from '../../../errors/errors.js';
import { encodeDomainHeader, encodeImageHeader, encodeLibxlHeader } from '../../../savestream/encode.js';
import {
  LibxcRecord,
  LibxlRecord,
  paddedLength,
  REC_TYPE_OPTIONAL,
  RECORD_HEADER_BYTES,
} from '../../../savestream/layout.js';
import type {
  DomainHeader,
  ImageHeader,
  LibxlHeader,
  SaveStreamHandler,
  StreamRecord,
} from '../../../savestream/parser.js';
import type { GuestMemory } from '../memory/guest-memory.js';
import type { Platform, PlatformWriter } from '../platform/platform-file.js';
import { MemoryWriter } from './memory-writer.js';

/** Records before the memory; all others follow it when the guest is saved again. */
const HEAD_RECORDS: ReadonlySet<number> = new Set<number>([
  LibxcRecord.X86_PV_INFO,
  LibxcRecord.X86_PV_P2M_FRAMES,
  LibxcRecord.STATIC_DATA_END,
  LibxcRecord.X86_CPUID_POLICY,
  LibxcRecord.X86_MSR_POLICY,
]);
/** Records of streams that a restore does not support; libxl uses them for Remus, COLO and debugging. */
const REFUSED_RECORDS: ReadonlySet<number> = new Set<number>([LibxcRecord.VERIFY, LibxcRecord.CHECKPOINT]);

function refused(why: string): ToolstackError {
  return new ToolstackError('E_TOOLSTACK_STREAM_FEATURE', `this save stream cannot be restored here: ${why}`, {
    hint: 'Save the guest again with xl or xenferry, without checkpoints or debugging.',
  });
}

/** Builds a guest's memory and platform from the parsed stream. */
export class GuestReader implements SaveStreamHandler {
  readonly #domain: Domain;
  readonly #memory: MemoryWriter;
  readonly #platform: PlatformWriter;
  #pagesSeen = false;

  constructor(domain: Domain, memory: GuestMemory, platform: PlatformWriter) {
    this.#domain = domain;
    this.#memory = new MemoryWriter(memory, domain.memoryMaxKiB);
    this.#platform = platform;
  }

  /** The stream is complete. */
  finish(): void {
    this.#memory.finish();
  }

  libxlHeader(header: LibxlHeader): void {
    if (header.bigEndian) throw refused('it is big-endian');
    this.#platform.append('head', encodeLibxlHeader());
  }

  imageHeader({ version }: ImageHeader): void {
    this.#platform.append('head', encodeImageHeader({ version: version === 2 ? 2 : 3 }));
  }

  domainHeader(header: DomainHeader): void {
    const expected = this.#domain.type === 'pv' ? 'x86-pv' : 'x86-hvm';
    if (header.type !== expected) {
      throw new ToolstackError(
        'E_TOOLSTACK_GUEST_TYPE',
        `the save stream is of an ${header.type} guest, but domain ${this.#domain.name} is defined as ${this.#domain.type}`,
        { hint: 'Use the definition that belongs to this stream.' },
      );
    }
    this.#platform.append('head', encodeDomainHeader(header));
  }

  record(record: StreamRecord): void {
    if (record.layer === 'libxc' && REFUSED_RECORDS.has(record.type)) throw refused(`it has a ${record.name} record`);
    if (isPageData(record)) {
      this.#pagesSeen = true;
      return;
    }
    const header = Buffer.alloc(RECORD_HEADER_BYTES);
    header.writeUInt32LE(record.type, 0);
    header.writeUInt32LE(record.length, 4);
    this.#platform.append(this.#partOf(record), header);
  }

  body(record: StreamRecord, bytes: Uint8Array): void {
    this.#platform.append(this.#partOf(record), bytes);
  }

  recordEnd(record: StreamRecord): void {
    if (isPageData(record)) return;
    this.#platform.append(this.#partOf(record), Buffer.alloc(paddedLength(record.length) - record.length));
  }

  pages(_record: StreamRecord, pfns: Float64Array, types: Uint8Array, count: number): void {
    this.#memory.types(pfns, types, count);
  }

  page(pfn: number, _type: number, bytes: Uint8Array): void {
    this.#memory.page(pfn, bytes);
  }

  #partOf({ layer, type }: StreamRecord): keyof Platform {
    if (layer === 'libxl') return type === LibxlRecord.LIBXC_CONTEXT ? 'head' : 'tail';
    return !this.#pagesSeen && (HEAD_RECORDS.has(type) || type >= REC_TYPE_OPTIONAL) ? 'head' : 'tail';
  }
}

function isPageData({ layer, type }: StreamRecord): boolean {
  return layer === 'libxc' && type === LibxcRecord.PAGE_DATA;
}
