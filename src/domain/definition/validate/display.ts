import { VIDEO_KIB } from '../defaults.js';
import type { Graphics, Input, Sound, Video } from '../devices/display.js';
import type { Definition } from '../model.js';
import { Problems } from './problem.js';

/** Port of VNC display 0. */
const FIRST_PORT = 5900;

function checkGraphics(graphics: Graphics, { type }: Definition, problems: Problems): void {
  if (graphics.type === 'sdl') return;
  const { port, listen } = graphics;
  // A VNC server gets a display number, counted from there; spice gets the port itself.
  if (graphics.type === 'vnc' && port !== undefined && port < FIRST_PORT) {
    problems.invalid('@port', `${port} is below ${FIRST_PORT}`, `Use ${FIRST_PORT} or higher, or autoport='yes'.`);
  }
  if (listen.type !== 'address') {
    problems.unsupported(
      'listen/@type',
      `'${listen.type}' is not possible`,
      "Use <listen type='address' address='…'/>.",
    );
  }
  if (graphics.type === 'spice' && type !== 'hvm') {
    problems.unsupported('@type', `a ${type} guest has no spice`, "Use type='vnc'.");
  }
}

function checkVideo(video: Video, { type }: Definition, problems: Problems): void {
  if (type !== 'hvm' && video.model !== undefined && video.model !== 'xen') {
    problems.unsupported('model/@type', `a ${type} guest has no '${video.model}' card`, "Use type='xen'.");
  }
  if (type !== 'hvm' || video.model === undefined || video.vramKiB === undefined) return;
  const least = VIDEO_KIB[video.model];
  if (video.vramKiB < least) {
    problems.invalid(
      'model/@vram',
      `${video.vramKiB} KiB are less than the ${least} that '${video.model}' needs`,
      'Use more, or leave it out.',
    );
  }
}

function checkInput(input: Input, { type }: Definition, problems: Problems): void {
  if (type !== 'hvm' && input.bus !== undefined && input.bus !== 'xen') {
    problems.unsupported('@bus', `a ${type} guest has no '${input.bus}' input`, "Use bus='xen'.");
  }
  if (input.bus === 'usb' && input.type === 'keyboard') {
    problems.unsupported('@type', 'a USB keyboard is not possible', "Use a mouse or a tablet, or bus='ps2'.");
  }
}

/** Checks a display, card, input or sound device. @param path path of its element, for messages */
export function validateDisplay(
  device: Graphics | Video | Input | Sound,
  definition: Definition,
  path: string,
): Problems {
  const problems = new Problems(path);
  switch (device.kind) {
    case 'graphics':
      checkGraphics(device, definition, problems);
      break;
    case 'video':
      checkVideo(device, definition, problems);
      break;
    case 'input':
      checkInput(device, definition, problems);
      break;
    case 'sound':
      if (definition.type !== 'hvm') {
        problems.unsupported('', `a ${definition.type} guest has no sound card`, 'Take it out.');
      }
  }
  return problems;
}
