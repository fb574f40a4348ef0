import { describe, expect, it } from 'vitest';
import { parseDomainXml } from '../../../src/domain/parse.js';
import type { Domain } from '../../../src/domain/model.js';
import { readWorkload, withCap } from '../../../src/domain/workload.js';

const domain = (metadata: string): Domain =>
  parseDomainXml(
    `<domain type='xen'><name>g</name><uuid>5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001</uuid>${metadata}<memory>65536</memory><vcpu>2</vcpu><os><type machine='xenpvh'>xenpvh</type><kernel>/k</kernel></os></domain>`,
  );
const guest = (attributes: string): string =>
  `<metadata><m:other xmlns:m='urn:m'/><e:guest xmlns:e='urn:xenferry:embedded:1' ${attributes}><e:fault name='save-fails'/></e:guest></metadata>`;

describe('S35: the cap in a workload', () => {
  it('is none, or what is said', () => {
    expect(readWorkload(domain('')).cap).toBe(0);
    expect(readWorkload(domain(guest("seed='7'"))).cap).toBe(0);
    expect(readWorkload(domain(guest("cap='150'"))).cap).toBe(150);
    for (const bad of ['-1', '1.5', 'x', '', '51201']) {
      expect(() => readWorkload(domain(guest(`cap='${bad}'`)))).toThrow(/@cap/);
    }
  });

  it('changes alone, and goes with what else stands there', () => {
    const before = domain(guest("seed='7' cap='10'"));
    const after = withCap(before, 50);
    expect(readWorkload(after)).toEqual({ ...readWorkload(before), cap: 50 });
    expect(after.metadata).toHaveLength(2);
    expect(withCap(withCap(domain(guest("seed='7'")), 50), 0)).toEqual(domain(guest("seed='7'")));
  });

  it('finds a place where there is none', () => {
    const bare = domain('');
    expect(withCap(bare, 0)).toBe(bare);
    expect(readWorkload(withCap(bare, 50))).toEqual({ ...readWorkload(bare), cap: 50 });
    const other = withCap(domain("<metadata><m:other xmlns:m='urn:m'/></metadata>"), 50);
    expect(other.metadata.map(({ name }) => name)).toEqual(['m:other', 'embedded:guest']);
  });
});
