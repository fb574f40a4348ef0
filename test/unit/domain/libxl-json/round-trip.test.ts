import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyDefaults } from '../../../../src/domain/definition/defaults.js';
import type { Definition } from '../../../../src/domain/definition/model.js';
import { readDefinition } from '../../../../src/domain/definition/read.js';
import { toDomain } from '../../../../src/domain/definition/write.js';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { fromLibxlConfig } from '../../../../src/domain/libxl-json/from-libxl.js';
import { libxlJson, toLibxlConfig } from '../../../../src/domain/libxl-json/to-libxl.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { XenferryError } from '../../../../src/errors/errors.js';
import { completeDefinition } from '../definitions.js';

const context = { randomOctets: (): [number, number, number] => [1, 2, 3] };

function throughXml(definition: Definition): Definition {
  return readDefinition(parseDomainXml(formatDomainXml(toDomain(definition)))).definition;
}

describe("libxl's JSON", () => {
  it('keeps its meaning through a definition and its XML', () => {
    fc.assert(
      fc.property(completeDefinition, (definition) => {
        const config = toLibxlConfig(definition);
        const { definition: back, warnings } = fromLibxlConfig(JSON.parse(libxlJson(definition)));
        expect(warnings).toEqual([]);
        expect(toLibxlConfig(applyDefaults(throughXml(back), context))).toEqual(config);
      }),
      { numRuns: 100 },
    );
  });

  it('gives back the devices that it was made from', () => {
    fc.assert(
      fc.property(completeDefinition, (definition) => {
        const back = applyDefaults(fromLibxlConfig(JSON.parse(libxlJson(definition))).definition, context);
        const names = ({ devices }: Definition): string[] => devices.map(({ kind }) => kind).toSorted();
        expect(names(back)).toEqual(names(definition));
        expect(back.lifecycle).toEqual(definition.lifecycle);
        expect(back.clock).toEqual(definition.clock);
        expect(back.pins).toEqual(definition.vcpusMax > 1 ? definition.pins : []);
      }),
      { numRuns: 60 },
    );
  });

  it('is refused with a typed error whatever stands in it', () => {
    const shell = fc.record({
      c_info: fc.oneof(
        fc.jsonValue(),
        fc.constant({ type: 'hvm', name: 'x', uuid: '9b3b0e2a-1f0a-4d55-8f1c-6a1b2c3d4e5f' }),
      ),
      b_info: fc.oneof(fc.jsonValue(), fc.record({ max_memkb: fc.constant(1024), 'type.hvm': fc.jsonValue() })),
      disks: fc.jsonValue(),
      nics: fc.jsonValue(),
      on_crash: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), shell), (json) => {
        try {
          const { definition } = fromLibxlConfig(json);
          expect(definition.name).not.toBe('');
        } catch (error) {
          expect(error).toBeInstanceOf(XenferryError);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('is refused or read when one value of a good one is another', () => {
    fc.assert(
      fc.property(completeDefinition, fc.nat(), fc.jsonValue(), (definition, seed, other) => {
        const json: unknown = JSON.parse(libxlJson(definition));
        let left = seed % 40;
        const mutated: unknown = JSON.parse(
          JSON.stringify(json, (_, value: unknown) => {
            left -= 1;
            return left === 0 ? other : value;
          }),
        );
        try {
          formatDomainXml(toDomain(fromLibxlConfig(mutated).definition));
        } catch (error) {
          expect(error).toBeInstanceOf(XenferryError);
        }
      }),
      { numRuns: 200 },
    );
  });
});
