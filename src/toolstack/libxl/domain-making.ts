import { ToolstackError } from '../../errors/errors.js';
import { guestDomid, type Domid } from '../domid.js';
import type { DomainLifecycle } from './domain-lifecycle.js';
import type { DomainQueries } from './domain-queries.js';
import type { LibxlCalls, Transfer } from './libxl-calls.js';
import type { Address, LibxlNative, OperationTag } from './native.js';
import { libxlError, RC_OK } from './return-code.js';
import { withMemory, withStruct } from './with-struct.js';

const DOMID_BYTES = 4;
/** 0x7ff0 and above are not domains (xen.h); libxl leaves ~0 if it made none. */
const DOMID_FIRST_RESERVED = 0x7ff0;

/** A domain to make. */
export interface NewGuest {
  readonly name: string;
  readonly uuid: string;
  /** libxl's JSON, with that name and UUID. */
  readonly config: string;
  /** What is kept in addition: title, description and metadata. */
  readonly annotations?: string | undefined;
}

/** Creation of domains: from a configuration, or with a save stream. */
export class DomainMaking {
  private readonly native: LibxlNative;

  constructor(
    private readonly calls: LibxlCalls,
    private readonly queries: DomainQueries,
    private readonly lifecycle: Pick<DomainLifecycle, 'destroy' | 'annotate'>,
  ) {
    this.native = calls.native;
  }

  /** Makes a domain, paused. @throws also ToolstackError E_TOOLSTACK_NAME_TAKEN, E_TOOLSTACK_UUID_TAKEN */
  async create(guest: NewGuest, transfer: Transfer): Promise<Domid> {
    return await this.#make(`create ${guest.name}`, guest, transfer, (config, out, tag) =>
      this.native.create(config, out, tag),
    );
  }

  /** Makes a domain from a save stream, paused. The caller keeps the descriptor. */
  async restore(guest: NewGuest, fd: number, streamVersion: number, transfer: Transfer): Promise<Domid> {
    return await withStruct(this.native, 'domain_restore_params', async (params) => {
      const rc = this.native.fromJson(
        'domain_restore_params',
        params,
        JSON.stringify({ stream_version: streamVersion }),
      );
      if (rc !== RC_OK) throw libxlError({ doing: 'set the stream version', rc, log: [] });
      return await this.#make(`restore ${guest.name}`, guest, transfer, (config, out, tag) =>
        this.native.restore(config, out, fd, params, tag),
      );
    });
  }

  async #make(
    doing: string,
    guest: NewGuest,
    transfer: Transfer,
    start: (config: Address, domidOut: Address, tag: OperationTag) => Promise<number>,
  ): Promise<Domid> {
    await this.#checkFree(guest);
    return await withStruct(this.native, 'domain_config', async (config) => {
      await this.calls.run('read the configuration', undefined, () =>
        Promise.resolve(this.native.fromJson('domain_config', config, guest.config)),
      );
      return await withMemory(this.native, DOMID_BYTES, async (out) => {
        try {
          await this.calls.run(
            doing,
            undefined,
            () => this.calls.operation((tag) => start(config, out, tag), transfer.signal),
            transfer,
          );
          const id = guestDomid(this.native.readUint32(out));
          if (guest.annotations !== undefined) await this.lifecycle.annotate(id, guest.annotations);
          return id;
        } catch (error) {
          await this.#removeHalfMade(this.native.readUint32(out), guest);
          throw error;
        }
      });
    });
  }

  /** libxl itself checks names only. */
  async #checkFree({ name, uuid }: NewGuest): Promise<void> {
    for (const other of await this.queries.list()) {
      const data = { domid: other.domid, uuid: other.uuid };
      if (other.uuid === uuid) {
        throw new ToolstackError(
          'E_TOOLSTACK_UUID_TAKEN',
          `domain ${other.domid} (${other.name}) has UUID ${uuid} already`,
          { hint: 'It may be the same guest: check it before removing it.', data },
        );
      }
      if (other.name === name) {
        throw new ToolstackError('E_TOOLSTACK_NAME_TAKEN', `domain ${other.domid} is named ${name} already`, {
          hint: 'Choose another name.',
          data,
        });
      }
    }
  }

  /**
   * libxl destroys a domain that it could not complete, but not after an abort. Only a domain with the new
   * guest's UUID is destroyed: no other domain had it before.
   */
  async #removeHalfMade(domid: number, { uuid }: NewGuest): Promise<void> {
    if (domid === 0 || domid >= DOMID_FIRST_RESERVED) return; // nothing was made
    const id = guestDomid(domid);
    if ((await this.queries.dominfo(id))?.uuid === uuid) await this.lifecycle.destroy(id);
  }
}
