/** One error in a definition, and its remedy. */
export interface DefinitionProblem {
  /** `INVALID`: no guest could have it. `UNSUPPORTED`: valid in libvirt's XML, but not supported by Xen or xenferry. */
  readonly code: 'E_USAGE_DOMAIN_INVALID' | 'E_USAGE_DOMAIN_UNSUPPORTED';
  /** Path of the error: `/domain/devices/disk[2]/target`. */
  readonly path: string;
  readonly message: string;
  readonly remedy: string;
}

/** Collects the problems of one part of a definition; paths are relative to it. */
export class Problems {
  readonly found: DefinitionProblem[] = [];

  constructor(private readonly path: string) {}

  invalid(where: string, message: string, remedy: string): void {
    this.#add('E_USAGE_DOMAIN_INVALID', where, message, remedy);
  }

  unsupported(where: string, message: string, remedy: string): void {
    this.#add('E_USAGE_DOMAIN_UNSUPPORTED', where, message, remedy);
  }

  #add(code: DefinitionProblem['code'], where: string, message: string, remedy: string): void {
    const path = where === '' ? this.path : `${this.path}/${where}`;
    this.found.push({ code, path, message: `${path}: ${message}`, remedy });
  }
}
