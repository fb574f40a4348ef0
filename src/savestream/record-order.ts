import { LibxcRecord, LibxlRecord, REC_TYPE_OPTIONAL, type StreamDomainType } from './layout.js';
import { streamError, type Position } from './position.js';

/*
 * Which record may come when. Stricter than Xen's verifier, which checks each record alone, and
 * as strict as Xen's restore: specification, "Layout" and "Compatibility with older versions". The rule that
 * HVM_PARAMS come before HVM_CONTEXT is newer than Xen 4.17, whose streams have the opposite order.
 */

const PV_ONLY: ReadonlySet<number> = new Set<number>([
  LibxcRecord.X86_PV_INFO,
  LibxcRecord.X86_PV_P2M_FRAMES,
  LibxcRecord.X86_PV_VCPU_BASIC,
  LibxcRecord.X86_PV_VCPU_EXTENDED,
  LibxcRecord.X86_PV_VCPU_XSAVE,
  LibxcRecord.SHARED_INFO,
  LibxcRecord.X86_PV_VCPU_MSRS,
]);
const HVM_ONLY: ReadonlySet<number> = new Set<number>([LibxcRecord.HVM_CONTEXT, LibxcRecord.HVM_PARAMS]);
/** Static data: in a v3 image these come before STATIC_DATA_END. */
const STATIC: ReadonlySet<number> = new Set<number>([
  LibxcRecord.X86_PV_INFO,
  LibxcRecord.X86_CPUID_POLICY,
  LibxcRecord.X86_MSR_POLICY,
  LibxcRecord.STATIC_DATA_END,
]);
const SINCE_V3: ReadonlySet<number> = new Set<number>([
  LibxcRecord.STATIC_DATA_END,
  LibxcRecord.X86_CPUID_POLICY,
  LibxcRecord.X86_MSR_POLICY,
]);

/** Position of the libxl layer when one of its records arrives; inside an image it has no turn. */
export type LibxlTurn = 'before-image' | 'checkpoint' | 'after-image';

/** Checks that a libxl record is allowed at this point. @throws StreamError `E_STREAM_ORDER` */
export function checkLibxlOrder(type: number, turn: LibxlTurn, at: Position): void {
  const fail = (why: string): never => {
    throw streamError('E_STREAM_ORDER', at, why);
  };
  if (type >= REC_TYPE_OPTIONAL) return;
  if (type === LibxlRecord.LIBXC_CONTEXT) {
    if (turn !== 'before-image') fail('comes twice');
    return;
  }
  if (turn === 'before-image') fail('comes before LIBXC_CONTEXT');
  if (type === LibxlRecord.CHECKPOINT_END && turn !== 'checkpoint') fail('comes outside a checkpoint');
  if (type === LibxlRecord.END && turn === 'checkpoint') fail('comes inside a checkpoint');
}

const ONCE: ReadonlySet<number> = new Set<number>([LibxcRecord.X86_PV_INFO, LibxcRecord.STATIC_DATA_END]);

/** The records of one libxc image so far. */
export class RecordOrder {
  readonly #seen = new Set<number>();

  constructor(
    private readonly version: number,
    private readonly type: StreamDomainType,
  ) {}

  /**
   * Checks that a libxc record is allowed at this point, and records it.
   * @throws StreamError `E_STREAM_ORDER`, `E_STREAM_RECORD`
   */
  check(type: number, optional: boolean, at: Position): void {
    const fail = (why: string): never => {
      throw streamError('E_STREAM_ORDER', at, why);
    };
    if (optional) return;
    if (type === LibxcRecord.TOOLSTACK)
      throw streamError('E_STREAM_RECORD', at, 'this record is deprecated and never valid');
    if (type === LibxcRecord.CHECKPOINT_DIRTY_PFN_LIST) {
      throw streamError('E_STREAM_RECORD', at, 'this record only ever travels from the secondary to the primary');
    }
    if (this.type === 'x86-hvm' && PV_ONLY.has(type)) fail('not valid in an HVM image');
    if (this.type === 'x86-pv' && HVM_ONLY.has(type)) fail('not valid in a PV image');
    if (this.version < 3 && SINCE_V3.has(type)) fail('not valid in an image of version 2');
    if (this.version >= 3 && !STATIC.has(type) && !this.#seen.has(LibxcRecord.STATIC_DATA_END)) {
      fail('comes before STATIC_DATA_END');
    }
    if (ONCE.has(type) && this.#seen.has(type)) fail('comes twice');
    if (type !== LibxcRecord.X86_PV_INFO && PV_ONLY.has(type)) {
      this.#needs(LibxcRecord.X86_PV_INFO, 'X86_PV_INFO', fail);
    }
    if (type === LibxcRecord.PAGE_DATA && this.type === 'x86-pv') {
      this.#needs(LibxcRecord.X86_PV_P2M_FRAMES, 'X86_PV_P2M_FRAMES', fail);
    }
    this.#seen.add(type);
  }

  #needs(type: number, name: string, fail: (why: string) => never): void {
    if (!this.#seen.has(type)) fail(`comes before ${name}`);
  }
}
