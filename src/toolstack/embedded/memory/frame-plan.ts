import { mix } from './hash.js';
import { PageType } from '../../../savestream/layout.js';
import type { GuestShape } from './guest-kernel.js';
import { PAGE_BYTES } from '../../../savestream/layout.js';

/** Versions are 32-bit: this many fit in a page of the version table. */
export const VERSIONS_PER_PAGE = PAGE_BYTES / 4;

/** The legacy video hole of a PC, which holds no memory. */
const VIDEO_HOLE = { from: 0xa0, end: 0xc0 } as const;
/** Content comes in runs, as in real guests: neighbours are of one kind. */
const RUN_BITS = 3;

/** What a page held before the guest first wrote it. */
export const PageKind = { Zero: 0, Duplicate: 1, Random: 2, Compressible: 3 } as const;
export type PageKind = (typeof PageKind)[keyof typeof PageKind];

/** The layout of an embedded guest's memory. Everything follows from its shape. */
export class FramePlan {
  readonly shape: GuestShape;
  /** First frame of the version table. */
  readonly tableStart: number;
  readonly tablePages: number;
  /** First frame after the kernel's: from here on, guests write. */
  readonly dataStart: number;
  readonly hotStart: number;

  constructor(shape: GuestShape) {
    this.shape = shape;
    this.tableStart = shape.type === 'hvm' ? VIDEO_HOLE.end : 1;
    this.tablePages = Math.ceil(shape.pages / VERSIONS_PER_PAGE);
    this.dataStart = this.tableStart + this.tablePages;
    const room = shape.populatedPages - this.dataStart;
    this.hotStart = this.dataStart + Math.max(0, Math.min(Math.floor(room / 4), room - shape.hotPages));
  }

  isHole(pfn: number): boolean {
    if (pfn >= this.shape.populatedPages) return true;
    return this.shape.type === 'hvm' && pfn >= VIDEO_HOLE.from && pfn < VIDEO_HOLE.end;
  }

  /** Page type of the save stream. Page tables appear in PV guests only. */
  typeOf(pfn: number): number {
    if (this.isHole(pfn)) return PageType.XTAB;
    if (this.shape.type !== 'pv' || pfn < this.dataStart) return PageType.NOTAB;
    if (pfn === this.dataStart) return PageType.L4TAB_PIN;
    return mix(this.shape.seed, pfn, 7) % 500 === 0 ? PageType.L1TAB : PageType.NOTAB;
  }

  /** True for a data frame, not one of the kernel. */
  isData(pfn: number): boolean {
    if (this.isHole(pfn)) return false;
    return pfn >= this.dataStart || (pfn > 0 && pfn < this.tableStart);
  }

  kindOf(pfn: number): PageKind {
    const { seed, zeroPercent, duplicatePercent, randomPercent } = this.shape;
    const dice = mix(seed, pfn >>> RUN_BITS, 1) % 100;
    if (dice < zeroPercent) return PageKind.Zero;
    if (dice < zeroPercent + duplicatePercent) return PageKind.Duplicate;
    if (dice < zeroPercent + duplicatePercent + randomPercent) return PageKind.Random;
    return PageKind.Compressible;
  }
}
