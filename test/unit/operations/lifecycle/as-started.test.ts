import { describe, expect, it } from 'vitest';
import { readDefinition } from '../../../../src/domain/definition/read.js';
import { toLibxlConfig } from '../../../../src/domain/libxl-json/to-libxl.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { asStarted } from '../../../../src/operations/lifecycle/as-started.js';
import { LocalHost, never } from '../../../support/local-host.js';

const guest = (cpu: string, os = "<os><type machine='xenfv'>hvm</type></os>"): string =>
  `<domain type='xen'><name>nest</name><memory unit='MiB'>64</memory>${os}${cpu}</domain>`;

/** `nested_hvm` of what the host starts. */
async function nested(nestedHvm: boolean | undefined, xml: string): Promise<unknown> {
  await using local = await LocalHost.make(nestedHvm === undefined ? {} : { nestedHvm });
  const domain = await asStarted(local.host, parseDomainXml(xml), never);
  return toLibxlConfig(readDefinition(domain, { lenient: true }).definition).b_info;
}

const passthrough = (features = ''): string => `<cpu mode='host-passthrough'>${features}</cpu>`;

describe("L03: the host's switch for nested virtualisation", () => {
  it('counts for an HVM guest with the processor of the host', async () => {
    expect(await nested(true, guest(passthrough()))).toMatchObject({ nested_hvm: 'True' });
    expect(await nested(true, guest(passthrough("<feature policy='optional' name='vmx'/>")))).toMatchObject({
      nested_hvm: 'True',
    });
  });

  it.each([
    ['off', false, guest(passthrough())],
    ['not set', undefined, guest(passthrough())],
    ['on, and the guest says nothing of its CPU', true, guest('')],
    [
      'on, and the guest asks for a model',
      true,
      guest("<cpu mode='custom' match='exact'><model>Haswell</model></cpu>"),
    ],
    ['on, and the guest is PVH', true, guest(passthrough(), '<os><type>xenpvh</type><kernel>/boot/k</kernel></os>')],
  ])('does nothing where it is %s', async (_, nestedHvm, xml) => {
    expect(await nested(nestedHvm, xml)).not.toHaveProperty('nested_hvm');
  });

  it('gives way to what the definition says', async () => {
    const feature = (policy: string): string => guest(passthrough(`<feature policy='${policy}' name='vmx'/>`));
    expect(await nested(true, feature('disable'))).toMatchObject({ nested_hvm: 'False' });
    expect(await nested(false, feature('require'))).toMatchObject({ nested_hvm: 'True' });
  });
});
