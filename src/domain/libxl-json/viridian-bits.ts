import type { Enlightenment, Hyperv } from '../definition/hyperv.js';

/** Width of the bitmap: LIBXL_BUILDINFO_HVM_VIRIDIAN_ENABLE_DISABLE_WIDTH. */
const WIDTH = 64;

/** `libxl_viridian_enlightenment` (libxl_types.idl). */
const BIT = {
  base: 0,
  freq: 1,
  time_ref_count: 2,
  reference_tsc: 3,
  hcall_remote_tlb_flush: 4,
  apic_assist: 5,
  crash_ctl: 6,
  synic: 7,
  stimer: 8,
  hcall_ipi: 9,
} as const;

/** As in libvirt's driver: relaxed and vpindex are part of the base, timers need their reference counter. */
const BITS_OF: Readonly<Partial<Record<Enlightenment, readonly (keyof typeof BIT)[]>>> = {
  relaxed: [],
  vpindex: [],
  vapic: ['apic_assist'],
  synic: ['synic'],
  stimer: ['stimer', 'synic', 'time_ref_count', 'reference_tsc'],
  frequencies: ['freq'],
  tlbflush: ['hcall_remote_tlb_flush'],
  ipi: ['hcall_ipi'],
};

/** `viridian_enable` of a definition. Guests can always report a crash; this has no other effect. */
export function viridianBits({ mode, states }: Hyperv): number[] {
  if (mode === 'passthrough') return Array.from({ length: WIDTH }, (_, bit) => bit);
  const names = states.filter(({ on }) => on).flatMap(({ name }) => BITS_OF[name] ?? []);
  return [...new Set([BIT.base, BIT.crash_ctl, ...names.map((name) => BIT[name])])].sort((a, b) => a - b);
}
