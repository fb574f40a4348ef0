import type { CpuSet } from '../../domain/cpu-set.js';
import { ToolstackError } from '../../errors/errors.js';
import { checkDom0Target, guestDomid, type Domid } from '../domid.js';
import { byWeight, checkScheduling } from '../scheduling.js';
import type { Scheduling, SchedulingChange } from '../toolstack.js';
import type { DomainQueries } from './domain-queries.js';
import { dominfoOf } from './dominfo.js';
import type { LibxlCalls } from './libxl-calls.js';
import type { LibxlNative, NativeVcpu } from './native.js';
import { libxlError, RC_DOMAIN_NOTFOUND, RC_FAIL, RC_OK } from './return-code.js';
import { formatSchedParams, parseSchedParams } from './sched-params.js';
import { withMemory, withStruct } from './with-struct.js';

const KIB_BYTES = 8;
/** For queries only. */
const DOMID_0 = 0;

/** Memory, processors and scheduling of domains. */
export class DomainTuning {
  private readonly native: LibxlNative;

  constructor(
    private readonly calls: LibxlCalls,
    private readonly queries: DomainQueries,
  ) {
    this.native = calls.native;
  }

  /** libxl itself would accept a target of 0, and the guest's balloon would take all its pages. */
  async setMemory(id: Domid, kib: number): Promise<void> {
    if (!Number.isSafeInteger(kib) || kib <= 0) {
      throw new ToolstackError('E_TOOLSTACK_INVAL', `domain ${id} cannot have ${kib} KiB of memory`, {
        hint: 'Give a whole number of KiB above 0.',
        data: { domid: id, kib },
      });
    }
    await this.calls.run(`give domain ${id} ${kib} KiB`, id, () =>
      this.native.setMemoryTarget(guestDomid(id, 'given memory'), kib),
    );
  }

  /** Memory needed to make a domain, in KiB. The configuration is a copy: libxl adds its defaults to it. */
  async neededMemory(json: string): Promise<number> {
    return await withStruct(this.native, 'domain_config', async (config) => {
      await this.calls.run('read the configuration', undefined, () =>
        Promise.resolve(this.native.fromJson('domain_config', config, json)),
      );
      return await withMemory(this.native, KIB_BYTES, async (out) => {
        await this.calls.run('see how much memory it needs', undefined, () => this.native.neededMemory(config, out));
        return Number(this.native.readUint64(out));
      });
    });
  }

  /** Reduces the memory target of domain 0; nothing else is possible. */
  async setDom0Target(kib: number): Promise<void> {
    const dom0 = await dominfoOf(this.native, DOMID_0);
    checkDom0Target(kib, dom0 === undefined ? undefined : Number(dom0.current_memkb));
    await this.calls.run(`ask domain 0 to make do with ${kib} KiB`, undefined, () => this.native.setDom0Target(kib));
  }

  async setVcpus(id: Domid, online: CpuSet): Promise<void> {
    await this.native.withBitmap(online, (bitmap) =>
      this.calls.mutate(
        'given processors',
        id,
        `give domain ${id} ${online.size} processors`,
        undefined,
        (domid, tag) => this.native.setVcpuOnline(domid, bitmap, tag),
      ),
    );
  }

  /** libxl does not report why it has no list: this determines whether the domain is gone. */
  async vcpus(id: Domid): Promise<NativeVcpu[]> {
    const found = this.native.listVcpus(id);
    if (found !== undefined) return found;
    const rc = (await this.queries.dominfo(id)) === undefined ? RC_DOMAIN_NOTFOUND : RC_FAIL;
    throw libxlError({ doing: `look at processors of domain ${id}`, rc, log: [], domid: id });
  }

  async pinVcpu(id: Domid, vcpu: number, cpus: CpuSet): Promise<void> {
    const domid = guestDomid(id, 'pinned');
    await this.native.withBitmap(cpus, (bitmap) =>
      this.calls.run(`pin processor ${vcpu} of domain ${id}`, id, () =>
        this.native.setVcpuAffinity(domid, vcpu, bitmap),
      ),
    );
  }

  /** A domain's scheduling. @throws RefusedError `E_REFUSED_UNSUPPORTED` if its scheduler has no weight and cap */
  async scheduling(id: Domid): Promise<Scheduling> {
    const doing = `see how domain ${id} is scheduled`;
    return await withStruct(this.native, 'domain_sched_params', async (params) => {
      const { result, errors } = await this.calls.during(id, () => this.native.schedParams(id, params));
      const json = this.native.toJson('domain_sched_params', params);
      if (json === undefined) throw libxlError({ doing, rc: RC_FAIL, log: errors, domid: id });
      const { sched, weight, cap } = parseSchedParams(json);
      // The scheduler is named even if libxl fails because it does not support it otherwise.
      const scheduler = sched === undefined ? undefined : byWeight(sched, id);
      if (result === RC_OK && scheduler !== undefined && weight !== undefined && cap !== undefined) {
        return { scheduler, weight, cap };
      }
      // libxl does not report that a domain is gone.
      const rc =
        (await this.queries.dominfo(id)) === undefined ? RC_DOMAIN_NOTFOUND : result === RC_OK ? RC_FAIL : result;
      throw libxlError({ doing, rc, log: errors, domid: id });
    });
  }

  /** libxl reports success without an effect if the scheduler has no weights. */
  async setScheduling(id: Domid, change: SchedulingChange): Promise<void> {
    const { scheduler } = await this.scheduling(guestDomid(id, 'given another weight or cap'));
    const doing = `change how domain ${id} is scheduled`;
    const info = await this.queries.dominfo(id);
    if (info === undefined) throw libxlError({ doing, rc: RC_DOMAIN_NOTFOUND, log: [], domid: id });
    checkScheduling(id, change, info.vcpu_max_id + 1);
    await withStruct(this.native, 'domain_sched_params', async (params) => {
      await this.calls.run(doing, id, () =>
        Promise.resolve(
          this.native.fromJson('domain_sched_params', params, formatSchedParams({ sched: scheduler, ...change })),
        ),
      );
      await this.calls.run(doing, id, () =>
        this.native.setSchedParams(guestDomid(id, 'given another weight or cap'), params),
      );
    });
  }
}
