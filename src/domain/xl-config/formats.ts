import { UsageError } from '../../errors/errors.js';

/** Names of native configurations (S02), the same for both directions. */
export const NATIVE_FORMATS = ['xen-xl', 'xen-xm'] as const;
export type NativeFormat = (typeof NATIVE_FORMATS)[number];

/** Checks the name of a format. @throws UsageError `E_USAGE_CONFIG_TYPE` for any other name */
export function nativeFormat(name: string): NativeFormat {
  const found = NATIVE_FORMATS.find((one) => one === name);
  if (found !== undefined) return found;
  const known = `Use ${NATIVE_FORMATS.join(' or ')}.`;
  throw new UsageError('E_USAGE_CONFIG_TYPE', `unsupported config type ${name}`, {
    hint:
      name === 'xen-sxpr'
        ? `S-expressions were removed with xend, in Xen 4.5; xl and xm files are supported. ${known}`
        : known,
  });
}
