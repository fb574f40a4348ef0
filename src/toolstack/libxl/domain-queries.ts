import { guestDomid, type Domid } from '../domid.js';
import type { DomainInfo } from '../toolstack.js';
import { maxMemoryOf, withUuid } from './domain-config.js';
import { dominfoOf, toDomainInfo, type Dominfo } from './dominfo.js';
import type { LibxlCalls } from './libxl-calls.js';
import type { LibxlNative } from './native.js';
import { libxlError, RC_OK } from './return-code.js';
import { backendOf, disksWithoutBackend } from './running-devices.js';
import { withStruct } from './with-struct.js';

/**
 * Under this id libxl keeps a domain's configuration as JSON, by whichever program it was started (libxl_internal.h).
 */
const CONFIG_USERDATA = 'libxl-json';
/**
 * Under this id the UUID of a preserved domain is kept: libxl_domain_preserve writes it to xenstore only, and Xen,
 * which libxl_domain_info asks, keeps the old one.
 */
export const PRESERVED_USERDATA = 'xenferry-uuid';
/** Under this id title, description and metadata are kept, for which libxl's JSON has no place. libxl removes it with the domain. */
export const ANNOTATIONS_USERDATA = 'xenferry-annotations';

/** The configuration of a running domain. */
export interface RunningConfig {
  /** libxl's JSON. */
  readonly config: string;
  /** Backends of the disks for which the JSON leaves the choice to libxl, by target (S47). */
  readonly backends: Readonly<Record<string, string>>;
  /** Its title, description and metadata, as they were kept. */
  readonly annotations?: string | undefined;
}

/** Read-only queries about domains. */
export class DomainQueries {
  private readonly native: LibxlNative;

  constructor(private readonly calls: LibxlCalls) {
    this.native = calls.native;
  }

  /** All domains except domain 0. */
  async list(): Promise<DomainInfo[]> {
    const { result: domids } = await this.calls.during(undefined, () => Promise.resolve(this.native.listDomids()));
    if (domids === undefined) throw libxlError({ doing: 'list domains', rc: -3, log: [] });
    const infos = await Promise.all(domids.filter((id) => id !== 0).map((id) => this.info(guestDomid(id))));
    return infos.filter((info) => info !== undefined); // some may have ended meanwhile
  }

  async info(id: Domid): Promise<DomainInfo | undefined> {
    const info = await this.dominfo(id);
    if (info === undefined) return undefined;
    const config = this.native.userdata(id, CONFIG_USERDATA);
    return toDomainInfo(info, {
      name: this.native.domainName(id),
      maxMemoryKiB: config === undefined ? undefined : maxMemoryOf(config),
    });
  }

  /** Xen's information about a domain, with the right UUID of a preserved one; undefined if there is no such domain. */
  async dominfo(id: Domid): Promise<Dominfo | undefined> {
    const info = await dominfoOf(this.native, id);
    if (info?.shutdown !== true) return info; // only a domain that has shut down is ever preserved
    const uuid = this.native.userdata(id, PRESERVED_USERDATA);
    return uuid === undefined ? info : { ...info, uuid };
  }

  /** The running configuration: the original configuration, with the present devices. */
  async describe(id: Domid): Promise<RunningConfig> {
    const config = await this.configOf(id);
    const backends: Record<string, string> = {};
    for (const vdev of disksWithoutBackend(config)) {
      const backend = await withStruct(this.native, 'device_disk', (at) => {
        if (this.native.diskByVdev(id, vdev, at) !== RC_OK) return undefined; // it is being attached or detached
        const disk = this.native.toJson('device_disk', at);
        return disk === undefined ? undefined : backendOf(disk);
      });
      if (backend !== undefined) backends[vdev] = backend;
    }
    const annotations = this.native.userdata(id, ANNOTATIONS_USERDATA);
    return { config, backends, ...(annotations === undefined ? {} : { annotations }) };
  }

  async configOf(id: Domid): Promise<string> {
    return await withStruct(this.native, 'domain_config', async (at) => {
      await this.calls.run(`read the configuration of domain ${id}`, id, () => this.native.retrieveConfig(id, at));
      const json = this.native.toJson('domain_config', at);
      if (json === undefined) throw libxlError({ doing: `describe domain ${id}`, rc: -3, log: [], domid: id });
      const uuid = this.native.userdata(id, PRESERVED_USERDATA);
      return uuid === undefined ? json : withUuid(json, uuid);
    });
  }
}
