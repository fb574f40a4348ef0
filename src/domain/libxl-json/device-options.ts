import { UsageError } from '../../errors/errors.js';
import type { XlOptions } from '../definition/devices/xl-options.js';
import {
  booleanField,
  choiceField,
  defboolField,
  integerField,
  merged,
  recordOf,
  textField,
  type FieldCodec,
} from './field-codecs.js';
import type { JsonObject } from './json.js';

/* Settings of devices in `<xl:options>`: attributes by libxl's own names (libxl_types.idl). */

const UINT32 = 0xffff_ffff;

const OPTIONS = {
  disk: {
    script: textField('script'),
    trusted: defboolField('trusted'),
    direct_io_safe: booleanField('direct_io_safe'),
    specification: choiceField('specification', ['xen', 'virtio']),
    grant_usage: defboolField('grant_usage'),
  },
  nic: {
    trusted: defboolField('trusted'),
    gatewaydev: textField('gatewaydev'),
    vlan: textField('vlan'),
    rate_bytes_per_interval: integerField('rate_bytes_per_interval', { min: 1, max: Number.MAX_SAFE_INTEGER }),
    rate_interval_usecs: integerField('rate_interval_usecs', { min: 1, max: UINT32 }),
  },
  pci: {
    // Device and function in one number, as in libxl's field of the guest's slot.
    vdevfn: integerField('vdevfn', { min: 0, max: 0xff }),
    vfunc_mask: integerField('vfunc_mask', { min: UINT32, max: UINT32 }),
    msitranslate: booleanField('msitranslate'),
    power_mgmt: booleanField('power_mgmt'),
    rdm_policy: choiceField('rdm_policy', ['strict', 'relaxed']),
  },
  channel: { backend_domname: textField('backend_domname') },
} satisfies Record<string, Readonly<Record<string, FieldCodec>>>;

export type OptionKind = keyof typeof OPTIONS;

const codecsOf = (kind: OptionKind): readonly (readonly [string, FieldCodec])[] => Object.entries(OPTIONS[kind]);

/** Names of the attributes of `<xl:options>` for a kind of device. */
export function optionNames(kind: OptionKind): readonly string[] {
  return Object.keys(OPTIONS[kind]);
}

/** Fields for libxl. @throws UsageError `E_USAGE_DOMAIN_XML` for an unknown option or an invalid value */
export function optionsToJson(kind: OptionKind, options: XlOptions | undefined): JsonObject {
  const codecs = new Map(codecsOf(kind));
  return Object.entries(options ?? {}).reduce<JsonObject>((fields, [name, value]) => {
    const codec = codecs.get(name);
    const json = codec?.put(value);
    if (codec === undefined || json === undefined) {
      const why = codec === undefined ? 'is not known' : `${JSON.stringify(value)} is not ${codec.says}`;
      throw new UsageError('E_USAGE_DOMAIN_XML', `domain XML, <xl:options> of a ${kind}, @${name}: ${why}`, {
        hint: `It may have ${[...codecs.keys()].join(', ')}.`,
        data: { kind, name },
      });
    }
    return merged(fields, json);
  }, {});
}

/** The options of a libxl device that domain XML lacks. */
export function optionsFromJson(kind: OptionKind, fields: object): { readonly xl?: XlOptions } {
  const found = codecsOf(kind).flatMap(([name, { take }]) => {
    const value = take(recordOf(fields));
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return found.length === 0 ? {} : { xl: Object.fromEntries(found) };
}

/** The libxl fields of the options. */
export function optionFields(kind: OptionKind): readonly string[] {
  return codecsOf(kind).flatMap(([, { fields }]) => fields);
}
