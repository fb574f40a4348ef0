import type { Channel, CharacterSource, Console, Parallel, Serial } from '../devices/character.js';
import type { Device } from '../devices/device.js';
import type { Definition } from '../model.js';
import { Problems } from './problem.js';

/** `sun_path` of unix(7) is 108 bytes, NUL included. */
const MAX_SOCKET_PATH_BYTES = 107;
/** Serial ports of the device model's machine. */
const MAX_SERIALS = 4;

function checkSocketPath(source: CharacterSource, problems: Problems): void {
  if (source.type !== 'unix' || source.path === undefined) return;
  if (!source.path.startsWith('/')) {
    problems.invalid(
      'source/@path',
      `${JSON.stringify(source.path)} is not an absolute path`,
      'Use a path from the root.',
    );
  }
  if (Buffer.byteLength(source.path) > MAX_SOCKET_PATH_BYTES) {
    problems.invalid('source/@path', `is longer than ${MAX_SOCKET_PATH_BYTES} bytes`, 'Use a shorter path.');
  }
}

function checkChannel(channel: Channel, others: readonly Device[], problems: Problems): void {
  if (channel.targetType !== 'xen') {
    problems.unsupported('target/@type', `'${channel.targetType}' is not xen`, "Use <target type='xen' name='…'/>.");
  }
  if (channel.source.type !== 'pty' && channel.source.type !== 'unix') {
    problems.unsupported('@type', `'${channel.source.type}' is not possible for a channel`, "Use 'pty' or 'unix'.");
  }
  if (channel.source.type === 'unix' && channel.source.mode === 'connect') {
    problems.unsupported('source/@mode', 'Xen makes the socket itself', "Use mode='bind'.");
  }
  if (channel.name === undefined || channel.name === '') {
    problems.invalid('target/@name', 'channel target name missing', "Add name='…' to <target>.");
  } else if (/[/\p{Cc}]/u.test(channel.name)) {
    problems.invalid('target/@name', `${JSON.stringify(channel.name)} has a slash or control character`, 'Rename it.');
  } else if (others.some((other) => other.kind === 'channel' && other.name === channel.name)) {
    problems.invalid('target/@name', `channel ${channel.name} already exists`, 'Give each channel a name of its own.');
  }
}

/** Checks a console, port or channel. @param path path of its element, for messages */
export function validateCharacter(
  device: Console | Serial | Parallel | Channel,
  definition: Definition,
  others: readonly Device[],
  path: string,
): Problems {
  const problems = new Problems(path);
  checkSocketPath(device.source, problems);
  switch (device.kind) {
    case 'parallel':
      problems.unsupported('', 'parallel ports are not supported', 'Take it out.');
      break;
    case 'serial':
      if (definition.type !== 'hvm') {
        problems.unsupported('', `a ${definition.type} guest has no serial ports`, 'Use a <console>.');
      }
      if (device.port !== undefined && device.port >= MAX_SERIALS) {
        problems.unsupported('target/@port', `there are ports 0 to ${MAX_SERIALS - 1}`, 'Use a lower port.');
      }
      if (others.some((other) => other.kind === 'serial' && other.port === device.port)) {
        problems.invalid('target/@port', `port ${String(device.port)} occurs more than once`, 'Number the ports.');
      }
      break;
    case 'console':
      if (definition.type !== 'hvm' && device.target === 'serial') {
        problems.unsupported('target/@type', `a ${definition.type} guest has no serial port`, "Use type='xen'.");
      }
      break;
    case 'channel':
      checkChannel(device, others, problems);
  }
  return problems;
}
