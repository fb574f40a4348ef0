import { createHash, createPublicKey } from 'node:crypto';
import forge from 'node-forge';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  HOST_KEY_BITS,
  makeAuthority,
  makeKey,
  signHost,
  validForDays,
  type Authority,
} from '../../../src/pki/certificate.js';
import { parseHostNames } from '../../../src/pki/host-name.js';
import { FrameLink } from '../../../src/tunnel/frame-link.js';
import type { Link } from '../../../src/tunnel/link.js';
import type { RefusedConnection } from '../../../src/tunnel/tls-gate.js';
import type { TlsCredentials } from '../../../src/tunnel/tls-credentials.js';
import { TlsDialer } from '../../../src/tunnel/tls-dialer.js';
import { listenTls, type TlsListener, type TlsListenerOptions } from '../../../src/tunnel/tls-listener.js';

const LOCAL = '127.0.0.1';
const never = new AbortController().signal;
const validity = validForDays(1, new Date());

let authority: Authority;
let server: TlsCredentials;
let listener: TlsListener;
let links: Link[] = [];
const dialled: Link[] = [];
let refused: RefusedConnection[] = [];

async function credentialsOf(...names: string[]): Promise<TlsCredentials> {
  const key = await makeKey();
  return { ca: authority.cert, cert: signHost(authority, key, parseHostNames(names), validity).cert, key };
}

/** As an authority signs people: a common name that could be a host's, and an address of mail. */
async function personNamed(commonName: string): Promise<TlsCredentials> {
  const key = await makeKey();
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(
    createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
  );
  certificate.serialNumber = '0a';
  certificate.validity.notBefore = validity.notBefore;
  certificate.validity.notAfter = validity.notAfter;
  certificate.setSubject([{ shortName: 'CN', value: commonName }]);
  certificate.setIssuer(forge.pki.certificateFromPem(authority.cert).subject.attributes);
  certificate.setExtensions([
    { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    { name: 'subjectAltName', altNames: [{ type: 1, value: 'hv1@example.org' }] },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(authority.key), forge.md.sha256.create());
  return { ca: authority.cert, cert: forge.pki.certificateToPem(certificate), key };
}

beforeAll(async () => {
  authority = await makeAuthority('test', validity, HOST_KEY_BITS);
  server = await credentialsOf(LOCAL);
});

async function listen(credentials: TlsCredentials, more: Partial<TlsListenerOptions> = {}): Promise<void> {
  links = [];
  refused = [];
  listener = await listenTls({
    host: LOCAL,
    port: 0,
    credentials,
    onLink: (link) => links.push(link),
    onRefused: (one) => refused.push(one),
    ...more,
  });
}

afterEach(async () => {
  for (const link of [...links, ...dialled.splice(0)]) link.destroy();
  await listener[Symbol.asyncDispose]();
});

async function dial(credentials: TlsCredentials): Promise<Link> {
  const link = await new TlsDialer({ host: LOCAL, port: listener.port, credentials }).dial(never);
  dialled.push(link);
  return link;
}

/** With what code the server ends it; it is not answered where it was let in. */
async function codeOf(link: Link): Promise<string> {
  const before = links.length;
  const frames = new FrameLink(link);
  const opened = frames.open(Buffer.from('hello'), never).then(
    () => 'answered',
    (error: unknown) => (error as { code: string }).code,
  );
  const letIn = expect.poll(() => links.length, { timeout: 20_000 }).toBeGreaterThan(before);
  return Promise.race([
    opened,
    Promise.resolve(letIn).then(
      () => 'in',
      () => 'neither',
    ),
  ]);
}

describe('a certificate that names no host', () => {
  it('of a client is refused, with the remedy: its common name is not used', async () => {
    await listen(server);
    expect(await codeOf(await dial(await personNamed('hv1.example')))).toBe('E_TUNNEL_CERT_NO_NAME');
    expect(refused).toMatchObject([
      { reason: { code: 'E_TUNNEL_CERT_NO_NAME', hint: expect.stringContaining('--host NAME') as string } },
    ]);
    expect(links).toEqual([]);
  });

  it('of a server is refused, too, though its common name is the one that was dialled', async () => {
    await listen(await personNamed(LOCAL));
    await expect(dial(await credentialsOf('hv1.example'))).rejects.toMatchObject({ code: 'E_TUNNEL_CERT_NO_NAME' });
  });
});

describe('the key of a peer', () => {
  it('is that of its certificate, whatever the certificate says besides', async () => {
    await listen(server);
    const credentials = await credentialsOf('hv1.example');
    const renewed = {
      ...credentials,
      cert: signHost(authority, credentials.key, parseHostNames(['hv1.example', 'more.example']), validity).cert,
    };
    const other = await credentialsOf('hv1.example');
    for (const one of [credentials, renewed, other]) await dial(one);
    await expect.poll(() => links.length).toBe(3);
    const keyOf = ({ key }: TlsCredentials): string => {
      const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
      return `SHA256:${createHash('sha256').update(spki).digest('base64').replaceAll('=', '')}`;
    };
    const seen = links.map(({ peer }) => [peer.name, peer.key]);
    expect(new Set(seen.map(String))).toEqual(
      new Set([`hv1.example,${keyOf(credentials)}`, `hv1.example,${keyOf(other)}`]),
    );
    expect(seen.filter(([, key]) => key === keyOf(credentials))).toHaveLength(2);
  });
});

describe('how many connections one peer may have', () => {
  it('a quarter of all: it is refused beyond, and others get in; what it closes it may open again', async () => {
    await listen(server, { maxConnections: 16 });
    const [greedy, honest] = [await credentialsOf('greedy.example'), await credentialsOf('honest.example')];
    for (let n = 0; n < 4; n += 1) await dial(greedy);
    await expect.poll(() => links.length).toBe(4);
    for (let n = 0; n < 12; n += 1) expect(await codeOf(await dial(greedy))).toBe('E_REFUSED_BUSY');
    await dial(honest);
    await expect.poll(() => links.at(-1)?.peer.name).toBe('honest.example');
    expect(refused.every(({ reason }) => reason.code === 'E_REFUSED_BUSY')).toBe(true);
    links[0].destroy();
    await expect.poll(async () => codeOf(await dial(greedy)), { timeout: 30_000 }).toBe('in');
  });
});
