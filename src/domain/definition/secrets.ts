import type { Definition } from './model.js';

/** The definition without passwords, for logs and for `dumpxml` without `--security-info`. */
export function withoutSecrets(definition: Definition): Definition {
  return {
    ...definition,
    devices: definition.devices.map((device) =>
      device.kind === 'graphics' && device.type !== 'sdl' ? { ...device, password: undefined } : device,
    ),
  };
}
