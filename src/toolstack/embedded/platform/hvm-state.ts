/* The HVM_CONTEXT blob and HVM_PARAMS of an embedded guest. */

/** Entries of Xen's HVM save format: typecode, instance, length, then the body (public/hvm/save.h). */
const HVM_SAVE = { END: 0, HEADER: 1, CPU: 2 } as const;
const HVM_FILE_MAGIC = 0x54381286;
const HVM_FILE_VERSION = 1;
/** struct hvm_hw_cpu (public/arch-x86/hvm/save.h). */
const HVM_CPU_BYTES = 1024;

/** public/hvm/params.h */
const HVM_PARAM = { STORE_PFN: 1, IDENT_PT: 12, CONSOLE_PFN: 17 } as const;
/** Where hvmloader puts the identity page table. */
const IDENT_PT_ADDRESS = 0xfeffe000;

/**
 * Parameters in the record's form: count, reserved, then (index, value) pairs. Shared pages are the guest's last ones.
 */
export function hvmParams(populatedPages: number): Buffer {
  const params = [
    [HVM_PARAM.STORE_PFN, populatedPages - 4],
    [HVM_PARAM.CONSOLE_PFN, populatedPages - 1],
    [HVM_PARAM.IDENT_PT, IDENT_PT_ADDRESS],
  ] as const;
  const body = Buffer.alloc(8 + 16 * params.length);
  body.writeUInt32LE(params.length, 0);
  for (const [at, [index, value]] of params.entries()) {
    body.writeBigUInt64LE(BigInt(index), 8 + 16 * at);
    body.writeBigUInt64LE(BigInt(value), 16 + 16 * at);
  }
  return body;
}

/** The HVM_CONTEXT blob for this number of vcpus. */
export function hvmContext(vcpus: number): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(HVM_FILE_MAGIC, 0);
  header.writeUInt32LE(HVM_FILE_VERSION, 4);
  const cpus = Array.from({ length: vcpus }, (_, vcpu) => entry(HVM_SAVE.CPU, vcpu, Buffer.alloc(HVM_CPU_BYTES)));
  return Buffer.concat([entry(HVM_SAVE.HEADER, 0, header), ...cpus, entry(HVM_SAVE.END, 0, Buffer.alloc(0))]);
}

function entry(type: number, instance: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(type, 0);
  head.writeUInt16LE(instance, 2);
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}
