import { element, type XmlElement } from '../../../xml/element.js';
import type { ElementReader } from '../element-reader.js';

export type Listen =
  | { readonly type: 'address'; readonly address: string | undefined }
  | { readonly type: 'network'; readonly network: string }
  | { readonly type: 'socket' | 'none' };

interface NetworkGraphics {
  readonly kind: 'graphics';
  /** Undefined: the host chooses (`autoport`). */
  readonly port: number | undefined;
  readonly listen: Listen;
  /** A secret: `withoutPasswords` removes it. */
  readonly password: string | undefined;
  readonly keymap: string | undefined;
}

/** `<graphics type='vnc'>`. */
export interface Vnc extends NetworkGraphics {
  readonly type: 'vnc';
}

/** `<graphics type='spice'>`. */
export interface Spice extends NetworkGraphics {
  readonly type: 'spice';
  readonly tlsPort: number | undefined;
  readonly mouseMode: 'client' | 'server' | undefined;
  readonly copyPaste: boolean | undefined;
}

/** `<graphics type='sdl'>`. */
export interface Sdl {
  readonly kind: 'graphics';
  readonly type: 'sdl';
  readonly display: string | undefined;
  readonly xauth: string | undefined;
  readonly fullscreen: boolean | undefined;
}

export type Graphics = Vnc | Spice | Sdl;

const VIDEO_MODELS = ['vga', 'cirrus', 'xen', 'qxl'] as const;
const INPUT_TYPES = ['mouse', 'tablet', 'keyboard'] as const;
const INPUT_BUSES = ['xen', 'ps2', 'usb'] as const;
const SOUND_MODELS = ['sb16', 'es1370', 'ac97', 'ich6'] as const;

/** `<video>`. */
export interface Video {
  readonly kind: 'video';
  /** Undefined until defaults are set. */
  readonly model: (typeof VIDEO_MODELS)[number] | undefined;
  readonly vramKiB: number | undefined;
  readonly ramKiB: number | undefined;
  readonly vgaMemKiB: number | undefined;
  readonly heads: number | undefined;
  readonly primary: boolean | undefined;
}

/** `<input>`. */
export interface Input {
  readonly kind: 'input';
  readonly type: (typeof INPUT_TYPES)[number];
  /** Undefined until defaults are set. */
  readonly bus: (typeof INPUT_BUSES)[number] | undefined;
}

/** `<sound>`. */
export interface Sound {
  readonly kind: 'sound';
  readonly model: (typeof SOUND_MODELS)[number];
}

function readListen(reader: ElementReader): Listen {
  const address = reader.attribute('listen');
  const own = reader.child('listen', (listen): Listen => {
    // A running domain states how the address was determined.
    listen.skip('fromConfig');
    const type = listen.needChoice('type', ['address', 'network', 'socket', 'none']);
    switch (type) {
      case 'address':
        return { type, address: listen.attribute('address') };
      case 'network':
        listen.skip('address');
        return { type, network: listen.need('network') };
      case 'socket':
      case 'none':
        listen.skip('socket');
        return { type };
    }
  });
  const listen = own ?? { type: 'address', address };
  if (listen.type !== 'address') return listen;
  if (address !== undefined && listen.address !== undefined && address !== listen.address) {
    throw reader.bad('@listen', `${JSON.stringify(address)} is not the address of <listen>`);
  }
  return { type: 'address', address: address ?? listen.address };
}

function readNetwork(reader: ElementReader): NetworkGraphics {
  const port = reader.integer('port', -1, 65_535);
  const auto = reader.yesNo('autoport') ?? false;
  return {
    kind: 'graphics',
    // A running domain has both the assigned port and `autoport`.
    port: auto || port === -1 ? undefined : port,
    listen: readListen(reader),
    password: reader.attribute('passwd'),
    keymap: reader.attribute('keymap'),
  };
}

/** Reads a `<graphics>`. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readGraphics(reader: ElementReader): Graphics {
  const type = reader.needChoice('type', ['vnc', 'sdl', 'spice']);
  switch (type) {
    case 'vnc':
      return { ...readNetwork(reader), type };
    case 'spice':
      return {
        ...readNetwork(reader),
        type,
        tlsPort: reader.integer('tlsPort', 0, 65_535),
        mouseMode: reader.child('mouse', (mouse) => mouse.needChoice('mode', ['client', 'server'])),
        copyPaste: reader.child('clipboard', (clipboard) => clipboard.yesNo('copypaste')),
      };
    case 'sdl':
      return {
        kind: 'graphics',
        type,
        display: reader.attribute('display'),
        xauth: reader.attribute('xauth'),
        fullscreen: reader.yesNo('fullscreen'),
      };
  }
}

const yesNo = (value: boolean | undefined): string | undefined =>
  value === undefined ? undefined : value ? 'yes' : 'no';

function listenElement(listen: Listen): XmlElement {
  switch (listen.type) {
    case 'address':
      return element('listen', { type: listen.type, address: listen.address });
    case 'network':
      return element('listen', { type: listen.type, network: listen.network });
    case 'socket':
    case 'none':
      return element('listen', { type: listen.type });
  }
}

/** The display as `<graphics>`. */
export function writeGraphics(graphics: Graphics): XmlElement {
  if (graphics.type === 'sdl') {
    const { type, display, xauth, fullscreen } = graphics;
    return element('graphics', { type, display, xauth, fullscreen: yesNo(fullscreen) });
  }
  const { type, port, listen, password, keymap } = graphics;
  return element(
    'graphics',
    {
      type,
      port: port ?? -1,
      tlsPort: type === 'spice' ? graphics.tlsPort : undefined,
      autoport: yesNo(port === undefined),
      listen: listen.type === 'address' ? listen.address : undefined,
      passwd: password,
      keymap,
    },
    [
      listenElement(listen),
      ...(type === 'spice' && graphics.mouseMode !== undefined ? [element('mouse', { mode: graphics.mouseMode })] : []),
      ...(type === 'spice' && graphics.copyPaste !== undefined
        ? [element('clipboard', { copypaste: yesNo(graphics.copyPaste) })]
        : []),
    ],
  );
}

/** A `<video>` without any setting. */
export const NO_VIDEO: Video = {
  kind: 'video',
  model: undefined,
  vramKiB: undefined,
  ramKiB: undefined,
  vgaMemKiB: undefined,
  heads: undefined,
  primary: undefined,
};

/** Reads a `<video>`. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readVideo(reader: ElementReader): Video {
  const model = reader.child('model', (one) => ({
    model: one.choice('type', VIDEO_MODELS),
    vramKiB: one.integer('vram'),
    ramKiB: one.integer('ram'),
    vgaMemKiB: one.integer('vgamem'),
    heads: one.integer('heads', 1, 64),
    primary: one.yesNo('primary'),
  }));
  return { ...NO_VIDEO, ...model };
}

/** The card as `<video>`. */
export function writeVideo(video: Video): XmlElement {
  if (video.model === undefined) return element('video');
  return element('video', {}, [
    element('model', {
      type: video.model,
      ram: video.ramKiB,
      vram: video.vramKiB,
      vgamem: video.vgaMemKiB,
      heads: video.heads,
      primary: yesNo(video.primary),
    }),
  ]);
}

/** Reads an `<input>`. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readInput(reader: ElementReader): Input {
  return { kind: 'input', type: reader.needChoice('type', INPUT_TYPES), bus: reader.choice('bus', INPUT_BUSES) };
}

/** The device as `<input>`. */
export function writeInput({ type, bus }: Input): XmlElement {
  return element('input', { type, bus });
}

/** Reads a `<sound>`. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readSound(reader: ElementReader): Sound {
  return { kind: 'sound', model: reader.needChoice('model', SOUND_MODELS) };
}

/** The card as `<sound>`. */
export function writeSound({ model }: Sound): XmlElement {
  return element('sound', { model });
}
