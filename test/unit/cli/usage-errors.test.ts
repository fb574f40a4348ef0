import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chosenVerb } from '../../../src/cli/choose-verb.js';

/* Values that the verbs refuse: each through the whole command line, up to its verb, in this process. */

const TO = 'xen+tls://127.0.0.1:1/system';
const MIGRATE = ['migrate', 'web1', TO, '--no-p2p'];
const XML = (workload: string): string => `<domain type="xen">
  <name>web1</name><memory unit="MiB">16</memory><vcpu>1</vcpu>
  <os><type>xenpvh</type><kernel>/vmlinuz</kernel></os>
  <metadata><e:guest xmlns:e="urn:xenferry:embedded:1" ${workload}/></metadata>
</domain>`;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-usage-'));
  writeFileSync(join(dir, 'long.conf'), '#'.repeat(300_000));
  writeFileSync(join(dir, 'latin.xml'), '<?xml version="1.0" encoding="koi8-r"?><domain type="xen"/>');
  writeFileSync(join(dir, 'broken.xml'), Buffer.from('<domain type="xen"><name>\xff</name></domain>', 'latin1'));
  writeFileSync(join(dir, 'busy.xml'), XML('tick-ms="0"'));
});
afterAll(() => {
  rmSync(dir, { recursive: true });
});

/** Runs a command line on an embedded host of its own; resolves to the error. `@` begins a file of the test. */
async function errorOf(words: readonly string[]): Promise<unknown> {
  const given = words.map((word) => (word.startsWith('@') ? join(dir, word.slice(1)) : word));
  const run = async (): Promise<unknown> => (await chosenVerb(['-c', `embedded://${join(dir, 'host')}`, ...given]))?.();
  return await run().then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('a command line', () => {
  it.each<[code: string, message: RegExp, words: readonly string[]]>([
    ['E_USAGE_LANES', /--lanes 0/, [...MIGRATE, '--lanes', '0']],
    ['E_USAGE_LANES', /--lanes 1\.5/, [...MIGRATE, '--lanes', '1.5']],
    ['E_USAGE_LANES', /--lanes 65/, [...MIGRATE, '--lanes', '65']],
    ['E_USAGE_BANDWIDTH', /--bandwidth 0/, [...MIGRATE, '--bandwidth', '0']],
    ['E_USAGE_BANDWIDTH', /--bandwidth NaN/, [...MIGRATE, '--bandwidth', 'fast']],
    ['E_USAGE_RECONNECT', /--reconnect-timeout -1/, [...MIGRATE, '--reconnect-timeout=-1']],
    ['E_USAGE_RECONNECT', /--reconnect-timeout 100000/, [...MIGRATE, '--reconnect-timeout', '100000']],
    ['E_USAGE_TIMEOUT', /exclude each other/, [...MIGRATE, '--timeout-suspend', '--timeout-cancel']],
    ['E_USAGE_TIMEOUT', /without --timeout/, [...MIGRATE, '--timeout-cancel']],
    ['E_USAGE_TIMEOUT', /without --live/, [...MIGRATE, '--timeout', '9']],
    ['E_USAGE_TIMEOUT', /--timeout 0/, [...MIGRATE, '--live', '--timeout', '0']],
    ['E_USAGE_TIMEOUT', /--timeout 0/, ['event', '--timeout', '0']],
    ['E_USAGE_DEADLINE', /nonsense=1/, ['list', '--deadline', 'nonsense=1']],
    ['E_USAGE_DEADLINE', /stall=soon/, ['list', '--deadline', 'stall=soon']],
    ['E_USAGE_FILE', /cannot read .*none\.xml/, ['define', '@none.xml']],
    ['E_USAGE_FILE', /cannot read the configuration/, ['--config-file', '@none.conf', 'list']],
    ['E_USAGE_FORCE', /--force-source web1/, ['recover', '--force-source', 'web1']],
    ['E_USAGE_FORCE', /--force-dest web1/, ['recover', '--force-dest', 'web1']],
    ['E_REFUSED_NOT_IN_DOUBT', /web1/, ['recover', '--force-source', 'web1', '--yes']],
    ['E_USAGE_ARGUMENTS', /exclusive/, ['recover', '--force-source', 'web1', '--list']],
    ['E_USAGE_LINES', /--lines -1/, ['logs', 'web1', '--lines=-1']],
    ['E_USAGE_LINES', /--lines 0\.5/, ['logs', 'web1', '--lines', '0.5']],
    ['E_USAGE_SINCE', /--since yesterday/, ['logs', 'web1', '--since', 'yesterday']],
    ['E_USAGE_MODE', /"politely"/, ['shutdown', 'web1', '--mode', 'acpi,politely']],
    ['E_USAGE_PM_SUSPEND', /"moon"/, ['dompmsuspend', 'web1', 'moon']],
    ['E_USAGE_PM_SUSPEND', /--duration -1/, ['dompmsuspend', 'web1', 'mem', '--duration=-1']],
    ['E_USAGE_PARALLEL', /--parallel 0/, ['evacuate', '--to', TO, '--parallel', '0']],
    ['E_USAGE_PARALLEL', /--parallel 1000/, ['evacuate', '--to', TO, '--parallel', '1000']],
    ['E_USAGE_SIZE', /much is not a size/, ['setmem', 'web1', 'much']],
    ['E_USAGE_SIZE', /12parsecs is not a size/, ['setmaxmem', 'web1', '12parsecs']],
    ['E_SYSTEM_STATE_DIR', /busy\.xml/, ['--state-dir', '@busy.xml', 'list']],
    ['E_USAGE_LISTEN', /"here" is not HOST:PORT/, ['serve', '--listen', 'here', '--tls-dir', '@']],
    ['E_USAGE_CONFIG_TYPE', /unsupported config type xen-sxpr/, ['domxml-from-native', 'xen-sxpr', '@busy.xml']],
    ['E_USAGE_WORKLOAD', /tick-ms/, ['create', '@busy.xml']],
    ['E_USAGE_XL_RELAY', /not `xl migrate-receive`/, ['xl-relay', TO, 'xl list']],
    ['E_USAGE_XL_RELAY', /option -z/, ['xl-relay', TO, 'xl migrate-receive -z']],
    ['E_USAGE_REPLICATION', /Remus and COLO/, ['xl-relay', TO, 'xl migrate-receive -r']],
    ['E_USAGE_REPLICATION', /Remus and COLO/, ['xl-relay', TO, 'xl migrate-receive --colo']],
    ['E_XML_ENCODING', /koi8-r/, ['define', '@latin.xml']],
    ['E_XML_ENCODING', /not UTF-8/, ['define', '@broken.xml']],
    ['E_TOOLSTACK_NO_DOM0', /no domain 0/, ['dominfo', '0']],
  ])('%s: %s', async (code, message, words) => {
    expect(await errorOf(words)).toMatchObject({ code, message: expect.stringMatching(message) as unknown });
  });
});
