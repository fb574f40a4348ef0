/* What Node has of the WebAssembly interface, as far as it is used here: TypeScript declares it for browsers only. */
declare namespace WebAssembly {
  interface MemoryDescriptor {
    /** Pages of 64 KiB. */
    readonly initial: number;
    readonly maximum?: number;
    readonly shared?: boolean;
  }

  class Memory {
    constructor(descriptor: MemoryDescriptor);
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
  }

  class Module {
    /** Compiles, and waits for it. */
    constructor(bytes: Uint8Array);
    /** Keeps a module from looking like any object. */
    readonly [Symbol.toStringTag]: string;
  }

  class Instance {
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }

  /** Whether this engine can compile it. */
  function validate(bytes: Uint8Array): boolean;
}
