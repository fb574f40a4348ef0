import { describe, expect, it } from 'vitest';
import { wordsOf } from '../../../../src/domain/cpu/cpu-features.js';
import {
  guestFeaturesOf,
  lackingFeatures,
  seenFeatures,
  withGuestFeatures,
  withoutGuestFeatures,
} from '../../../../src/domain/cpu/guest-features.js';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { guestXml } from '../../../support/hosts.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0112';
const guest = (cpu = ''): ReturnType<typeof parseDomainXml> =>
  parseDomainXml(guestXml({ uuid: UUID }).replace('<vcpu>', `${cpu}<vcpu>`));
const pv = (): ReturnType<typeof parseDomainXml> =>
  parseDomainXml(guestXml({ uuid: UUID }).replace(/<os>.*<\/os>/, '<os><type>xen</type><kernel>/k</kernel></os>'));

describe('what a guest sees of its processor', () => {
  it('is what Xen gives guests of its kind, without what its definition hides', () => {
    // monitor and vmx are for no guest by default, smap for none that is PV.
    const words = wordsOf(['sse2', 'avx', 'avx2', 'smap', 'monitor', 'vmx', 'rtm']);
    expect(seenFeatures(words, guest())).toEqual(['sse2', 'avx', 'avx2', 'smap']);
    expect(seenFeatures(words, pv())).toEqual(['sse2', 'avx', 'avx2']);
    const hides = "<cpu mode='host-passthrough'><feature policy='disable' name='avx2'/></cpu>";
    expect(seenFeatures(words, guest(hides))).toEqual(['sse2', 'avx', 'smap']);
    expect(seenFeatures([], guest())).toEqual([]);
  });

  it('is lacking where the host could have it, as far as its words go', () => {
    expect(lackingFeatures(wordsOf(['sse2', 'avx']), ['avx2', 'avx', 'no-such', 'aes'])).toEqual(['aes', 'avx2']);
    expect(lackingFeatures([], ['avx2'])).toEqual([]);
    expect(lackingFeatures(wordsOf(['sse2']).slice(0, 2), ['avx2'])).toEqual([]);
  });

  it('goes along in the metadata, once, and out of them again', () => {
    const once = withGuestFeatures(guest(), ['avx']);
    const twice = withGuestFeatures(once, ['avx', 'sse4.2']);
    const read = parseDomainXml(formatDomainXml(twice));
    expect(guestFeaturesOf(read)).toEqual(['avx', 'sse4.2']);
    expect(formatDomainXml(withoutGuestFeatures(read))).toBe(formatDomainXml(guest()));
    expect(guestFeaturesOf(guest())).toBeUndefined();
    // A peer may have written anything.
    expect(guestFeaturesOf(withGuestFeatures(guest(), ['\u0000', 'A B', 'x'.repeat(99)]))).toBeUndefined();
    expect(
      guestFeaturesOf(
        withGuestFeatures(
          guest(),
          Array.from({ length: 5000 }, () => 'avx'),
        ),
      ),
    ).toBeUndefined();
  });
});
