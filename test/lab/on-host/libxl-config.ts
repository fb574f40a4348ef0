import fc from 'fast-check';
import { execFile } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { applyDefaults } from '../../../src/domain/definition/defaults.js';
import type { Definition } from '../../../src/domain/definition/model.js';
import { libxlJson, toLibxlConfig } from '../../../src/domain/libxl-json/to-libxl.js';
import { fromXlConfig } from '../../../src/domain/xl-config/from-config.js';
import { toXlConfig } from '../../../src/domain/xl-config/to-config.js';
import { RefusedError } from '../../../src/errors/errors.js';
import { loadLibxl } from '../../../src/toolstack/libxl/load.js';
import type { LibxlNative } from '../../../src/toolstack/libxl/native.js';
import { runningRelease } from '../../../src/toolstack/libxl/release.js';
import { withStruct } from '../../../src/toolstack/libxl/with-struct.js';
import { completeDefinition } from '../../unit/domain/definitions.js';
import { lostValues } from './lost-values.js';
import { main } from './suite.js';

/* On a host: what we make of definitions, read by libxl and by xl themselves. */

const SEED = 4;
/** Each is a call within this process. */
const FOR_LIBXL = 120;
/** Each starts xl, which takes a good part of a second there. */
const FOR_XL = 30;
const UUID = '9b3b0e2a-1f0a-4d55-8f1c-6a1b2c3d4e5f';
const context = { randomOctets: (): [number, number, number] => [1, 2, 3] };
const runFile = promisify(execFile);

/*
 * What differs and says the same. libvirt's driver marks every disk as removable, and so do we, which a file of xl's cannot; the
 * kind of a card is libxl's default for its guest; the last are what xl sets for each guest by itself.
 */
const SAME_MEANING =
  /^(\/disks\/\d+\/removable|\/nics\/\d+\/nictype|\/c_info\/run_hotplug_scripts|\/b_info\/claim_mode|\/on_soft_reset):/;

/** What an operator may have written, beside the lab's own guests. */
const OPERATORS: Readonly<Record<string, string>> = {
  'an HVM guest with all sorts of devices': `
name = "web1"
uuid = "${UUID}"
type = "hvm"
memory = 512
maxmem = 1024
vcpus = 2
maxvcpus = 4
cpus = "0"
bios = "ovmf"
boot = "cd"
acpi = 1
apic = 1
pae = 1
hpet = 1
viridian = 1
vga = "stdvga"
videoram = 16
vnc = 1
vnclisten = "127.0.0.1"
vncdisplay = 3
vncunused = 0
vncpasswd = "secret"
usb = 1
usbdevice = [ "tablet" ]
serial = "pty"
soundhw = "hda"
localtime = 1
on_poweroff = "destroy"
on_reboot = "restart"
on_crash = "coredump-destroy"
disk = [ "format=qcow2, vdev=xvda, access=rw, target=/srv/web1.qcow2", "/srv/cd.iso,raw,hdc,ro,cdrom",
         "phy:/dev/vg/data,xvdb,w" ]
vif = [ "mac=00:16:3e:01:02:03,bridge=xenbr0,model=e1000", "bridge=xenbr1,type=vif,rate=1024KB/s" ]
`,
  'a PV guest with a framebuffer': `
name = "old"
uuid = "${UUID}"
type = "pv"
kernel = "/boot/vmlinuz"
ramdisk = "/boot/initrd"
root = "/dev/xvda ro"
extra = "console=hvc0 quiet"
memory = 128
vcpus = 2
cpu_weight = 512
disk = [ "file:/srv/old.img,xvda,w" ]
vif = [ "mac=00:16:3e:01:02:04" ]
vfb = [ "type=vnc,vnclisten=0.0.0.0,vncunused=1" ]
`,
};

let loaded: LibxlNative | undefined;
/** Logs into nothing: what libxl could not read is told by its code. */
function libxl(): LibxlNative {
  return (loaded ??= loadLibxl(runningRelease(), openSync('/dev/null', 'w')));
}

/** A configuration as libxl has understood it. */
async function asLibxlReads(text: string): Promise<unknown> {
  return await withStruct(libxl(), 'domain_config', (at) => {
    const rc = libxl().fromJson('domain_config', at, text);
    if (rc !== 0) throw new Error(`libxl reads it with code ${rc}: ${text}`);
    return JSON.parse(libxl().toJson('domain_config', at) ?? 'null') as unknown;
  });
}

/** What `xl create` would make of a file. */
async function asXlReads(cfg: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'xenferry-cfg-'));
  try {
    const file = join(folder, 'guest.cfg');
    writeFileSync(file, cfg);
    const { stdout } = await runFile('xl', ['create', '--dryrun', '--quiet', file], { encoding: 'utf8' });
    return JSON.parse(stdout.slice(stdout.indexOf('{'))) as unknown;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function samples(count: number): Definition[] {
  return fc.sample(completeDefinition, { seed: SEED, numRuns: count });
}

/** Undefined where a definition has what the other form has no words for. */
function ifSayable<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
}

function differences(given: unknown, kept: unknown): string[] {
  return lostValues(given, kept).filter((loss) => !SAME_MEANING.test(loss));
}

/** This host has one processor, and xl refuses files that name others. */
function withoutPins(definition: Definition): Definition {
  return { ...definition, pins: [], vcpuCpuset: undefined };
}

/** Every kind of loss once, with how often it came. */
function counted(losses: readonly string[]): string[] {
  const counts = new Map<string, { first: string; times: number }>();
  for (const loss of losses) {
    const kind = loss.replaceAll(/\/\d+/g, '').split(':')[0];
    const seen = counts.get(kind);
    counts.set(kind, { first: seen?.first ?? loss, times: (seen?.times ?? 0) + 1 });
  }
  return [...counts.values()].map(({ first, times }) => `${times} times ${first}`);
}

describe('configurations on real Xen', () => {
  it(`S02: libxl reads ${FOR_LIBXL} definitions of all kinds of devices, and loses nothing of them`, async () => {
    const losses: string[] = [];
    const seen = new Set<string>();
    for (const definition of samples(FOR_LIBXL)) {
      const text = libxlJson(definition);
      losses.push(...lostValues(JSON.parse(text), await asLibxlReads(text)));
      for (const { kind } of definition.devices) seen.add(kind);
    }
    expect(counted(losses)).toEqual([]);
    expect([...seen]).toEqual(
      expect.arrayContaining(['disk', 'interface', 'hostdev', 'graphics', 'channel', 'serial']),
    );
  });

  it('S02: libxl loses what has another name than its own, and this is seen', async () => {
    const [definition] = samples(1);
    const text = JSON.stringify({ ...toLibxlConfig(definition), disks: [{ pdev_path: '/dev/a', vdevice: 'xvda' }] });
    expect(lostValues(JSON.parse(text), await asLibxlReads(text))).toEqual([
      '/disks/0/vdevice: "xvda" became undefined',
    ]);
  });

  it(`S02: xl reads ${FOR_XL} files that domxml-to-native wrote as what libxl is given for them`, async () => {
    const losses: string[] = [];
    let read = 0;
    for (const definition of samples(FOR_XL).map(withoutPins)) {
      const cfg = ifSayable(() => toXlConfig(definition, 'xen-xl'));
      if (cfg === undefined) continue;
      read += 1;
      const ours = await asLibxlReads(libxlJson(definition));
      try {
        losses.push(...differences(ours, await asXlReads(cfg)));
      } catch (error) {
        losses.push(`refused: ${error instanceof Error ? error.message : String(error)}\n${cfg}`);
      }
    }
    expect(counted(losses)).toEqual([]);
    expect(read).toBeGreaterThan(FOR_XL / 2);
  });

  it("S02: domxml-from-native gives an operator's file the meaning that xl gives it", async () => {
    const guests = '/root/guests';
    const files = readdirSync(guests).filter((file) => file.endsWith('.cfg'));
    const sources = new Map([
      ...files.map((file) => [file, `${readFileSync(join(guests, file), 'utf8')}uuid = "${UUID}"\n`] as const),
      ...Object.entries(OPERATORS),
    ]);
    const losses: string[] = [];
    for (const [file, source] of sources) {
      const { definition } = fromXlConfig(source, { format: 'xen-xl', makeUuid: () => UUID });
      const ours = await asLibxlReads(libxlJson(applyDefaults(definition, context)));
      losses.push(...differences(await asXlReads(source), ours).map((loss) => `${file}${loss}`));
    }
    expect(losses).toEqual([]);
  });
});

await main(process.argv.slice(2));
