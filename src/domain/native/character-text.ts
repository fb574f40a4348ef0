import type { CharacterSource, Endpoint } from '../definition/devices/character.js';
import { notMapped } from './not-mapped.js';

/*
 * The other end of a character device, as in xl.cfg(5) "serial" and libxl: one string in the syntax of QEMU's
 * `-serial` (qemu(1)).
 */

const HOST = String.raw`(?:\[([^\]]*)\]|([^:,@[\]]*))`;
const TCP = new RegExp(String.raw`^(tcp|telnet):${HOST}:([^:,@]+)((?:,[a-z=]+)*)$`);
const UDP = new RegExp(String.raw`^udp:${HOST}:([^:,@]+)(?:@${HOST}:([^:,@]+))?$`);

function endpoint(bracketed: string | undefined, plain: string | undefined, service: string): Endpoint {
  return { host: bracketed ?? (plain === '' ? undefined : plain), service };
}

function isServer(options: string): boolean {
  return /(?:^|,)server(?:=on)?(?=,|$)/.test(options);
}

/** Parses such a string; undefined if domain XML has no form for it. */
export function parseCharacterText(text: string): CharacterSource | undefined {
  if (text === 'null' || text === 'stdio' || text === 'vc') return { type: text };
  if (text === 'pty') return { type: 'pty', path: undefined };
  if (/^\/.*$/.test(text)) return { type: 'dev', path: text };
  const path = /^(file|pipe):([^,\n]+)$/.exec(text);
  if (path !== null) return { type: path[1] === 'file' ? 'file' : 'pipe', path: path[2] };
  const unix = /^unix:([^,\n]+)((?:,[a-z=]+)*)$/.exec(text);
  if (unix !== null) return { type: 'unix', mode: isServer(unix[2]) ? 'bind' : 'connect', path: unix[1] };
  const tcp = TCP.exec(text);
  if (tcp !== null) {
    const [, protocol, bracketed, plain, service, options] = tcp;
    return {
      type: 'tcp',
      mode: isServer(options) ? 'bind' : 'connect',
      telnet: protocol === 'telnet',
      at: endpoint(bracketed, plain, service),
    };
  }
  const udp = UDP.exec(text);
  if (udp === null) return undefined;
  const [, bracketed, plain, service] = udp;
  const ownService = udp.at(6);
  return {
    type: 'udp',
    connect: endpoint(bracketed, plain, service),
    bind: ownService === undefined ? undefined : endpoint(udp[4], udp[5], ownService),
  };
}

function formatEndpoint({ host, service }: Endpoint): string {
  const name = host ?? '';
  return `${name.includes(':') ? `[${name}]` : name}:${service ?? ''}`;
}

/**
 * The inverse of `parseCharacterText`. @throws RefusedError `E_REFUSED_NOT_MAPPED` for a source that the syntax cannot
 * express
 */
export function formatCharacterText(source: CharacterSource): string {
  const text = plainText(source);
  const back = parseCharacterText(text);
  if (back?.type !== source.type) {
    throw notMapped(`a '${source.type}' character device as ${JSON.stringify(text)}`, 'Use a plain path or address.');
  }
  return text;
}

function plainText(source: CharacterSource): string {
  switch (source.type) {
    case 'null':
    case 'stdio':
    case 'vc':
    case 'pty':
      return source.type;
    case 'dev':
      return source.path;
    case 'file':
    case 'pipe':
      return `${source.type}:${source.path}`;
    case 'unix':
      return `unix:${source.path ?? ''}${source.mode === 'bind' ? ',server,nowait' : ''}`;
    case 'tcp':
      return `${source.telnet ? 'telnet' : 'tcp'}:${formatEndpoint(source.at)}${source.mode === 'bind' ? ',server,nowait' : ''}`;
    case 'udp': {
      const none: Endpoint = { host: undefined, service: '0' };
      const own = source.bind === undefined ? '' : `@${formatEndpoint(source.bind)}`;
      return `udp:${formatEndpoint(source.connect ?? none)}${own}`;
    }
  }
}
