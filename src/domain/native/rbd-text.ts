import type { NetworkSource } from '../definition/devices/disk.js';
import { notMapped } from './not-mapped.js';

/* An image of a Ceph cluster as QEMU's rbd driver names it: `rbd:POOL/IMAGE:option=value:…`, with `\` before `:` and `;`. */

const escape = (text: string): string => text.replaceAll(/[\\:;=@]/g, String.raw`\$&`);
const unescape = (text: string): string => text.replaceAll(/\\(.)/g, '$1');

/** Splits at each `:` that does not follow a `\`. */
function split(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '\\') {
      part += char + text.charAt(at + 1);
      at += 1;
    } else if (char === ':') {
      parts.push(part);
      part = '';
    } else part += char;
  }
  return [...parts, part];
}

function parseHost(whole: string): NetworkSource['hosts'][number] {
  const port = /^(.*):(\d{1,5})$/.exec(whole);
  if (port === null || Number(port[2]) < 1 || Number(port[2]) > 65_535) return { name: whole, port: undefined };
  return { name: port[1], port: Number(port[2]) };
}

/**
 * Parses such a text; undefined if it names no image. A key in it is dropped: domain XML refers to secrets and contains
 * none.
 */
export function parseRbdText(text: string): NetworkSource | undefined {
  if (!text.startsWith('rbd:')) return undefined;
  const [name, ...options] = split(text.slice('rbd:'.length));
  if (name === '') return undefined;
  const valueOf = (key: string): string | undefined =>
    options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1);
  const hosts = valueOf('mon_host');
  const conf = valueOf('conf');
  return {
    type: 'network',
    protocol: 'rbd',
    name: unescape(name),
    hosts: hosts === undefined || hosts === '' ? [] : unescape(hosts).split(';').map(parseHost),
    configFile: conf === undefined ? undefined : unescape(conf),
    auth: undefined,
  };
}

/** The inverse. @throws RefusedError `E_REFUSED_NOT_MAPPED` if the image needs a secret, or is not in Ceph */
export function formatRbdText(source: NetworkSource): string {
  if (source.protocol !== 'rbd')
    throw notMapped(`a '${source.protocol}' disk`, 'Only rbd disks come from the network.');
  if (source.auth !== undefined) {
    throw notMapped(
      `the secret of disk ${source.name}`,
      'xenferry keeps no secrets; leave <auth> out and name a configuration file with the key instead.',
    );
  }
  const hosts = source.hosts.map(({ name, port }) => (port === undefined ? name : `${name}:${port}`));
  return [
    `rbd:${escape(source.name)}`,
    'auth_supported=none',
    ...(hosts.length === 0 ? [] : [`mon_host=${escape(hosts.join(';'))}`]),
    ...(source.configFile === undefined ? [] : [`conf=${escape(source.configFile)}`]),
  ].join(':');
}
