import { UsageError } from '../../../errors/errors.js';
import { devicePaths, writeDevice, type Device } from '../devices/device.js';
import type { Definition } from '../model.js';
import { validateBasics } from './basics.js';
import { validateDevice } from './device.js';
import type { DefinitionProblem } from './problem.js';

/** All errors in a definition, after defaults were set. Changes nothing. */
export function validateDefinition(definition: Definition): DefinitionProblem[] {
  const { devices } = definition;
  const paths = devicePaths(devices.map(writeDevice));
  return [
    ...validateBasics(definition),
    // Of two that exclude each other, the later one is reported.
    ...devices.flatMap((device, index) => validateDevice(device, definition, devices.slice(0, index), paths[index])),
  ];
}

/**
 * Refuses an invalid definition. @throws UsageError `E_USAGE_DOMAIN_INVALID` or `E_USAGE_DOMAIN_UNSUPPORTED`, with all
 * problems
 */
export function checkDefinition(definition: Definition): void {
  refuse(`domain ${definition.name} cannot be defined`, validateDefinition(definition));
}

/** Refuses a device that does not fit this domain (S07). @throws as `checkDefinition` */
export function checkDevice(device: Device, definition: Definition): void {
  refuse(`domain ${definition.name} cannot have the device`, validateDevice(device, definition, definition.devices));
}

function refuse(what: string, problems: readonly DefinitionProblem[]): void {
  if (problems.length === 0) return;
  const invalid = problems.find(({ code }) => code === 'E_USAGE_DOMAIN_INVALID') ?? problems[0];
  throw new UsageError(invalid.code, `${what}: ${problems.map(({ message }) => message).join('; ')}`, {
    hint: [...new Set(problems.map(({ remedy }) => remedy))].join(' '),
    data: { problems: problems.map(({ message }) => message) },
  });
}
