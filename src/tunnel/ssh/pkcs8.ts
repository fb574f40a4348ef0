import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/** RFC 7468: PKCS #8, in the clear and encrypted. */
const PKCS8 = /-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/;
/** The block size of PROTOCOL.key without encryption. */
const PAD_TO = 8;

/** Whether a private key is in PKCS #8, which OpenSSH reads and ssh2 does not. */
export function pkcs8Kind(text: string): 'open' | 'encrypted' | undefined {
  const label = PKCS8.exec(text);
  if (label === null) return undefined;
  return label.at(1) === undefined ? 'open' : 'encrypted';
}

/**
 * The same key in a form that ssh2 reads: PKCS #1 for RSA, SEC 1 for ECDSA, OpenSSH's own for Ed25519. Throws what node:crypto does, for a
 * wrong passphrase too; an Error that names any other kind of key.
 */
export function fromPkcs8(text: string, passphrase?: string): string {
  const key = createPrivateKey({ key: text, format: 'pem', ...(passphrase === undefined ? {} : { passphrase }) });
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return key.export({ type: 'pkcs1', format: 'pem' }).toString();
    case 'ec':
      return key.export({ type: 'sec1', format: 'pem' }).toString();
    case 'ed25519':
      return opensshPem(key);
    default:
      throw new Error(`a key of type ${key.asymmetricKeyType ?? 'unknown'} in PKCS #8`);
  }
}

/** PROTOCOL.key of OpenSSH, with one Ed25519 key, not encrypted. */
function opensshPem(key: KeyObject): string {
  const { d = '' } = key.export({ format: 'jwk' });
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  const seed = Buffer.from(d, 'base64url');
  const publicKey = Buffer.from(x, 'base64url');
  const type = string('ssh-ed25519');
  const check = Buffer.alloc(8); // two numbers that are equal
  const secret = [check, type, string(publicKey), string(Buffer.concat([seed, publicKey])), string('')];
  const length = Buffer.concat(secret).length;
  const padding = Buffer.from(Array.from({ length: (PAD_TO - (length % PAD_TO)) % PAD_TO }, (_, at) => at + 1));
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0', 'latin1'),
    string('none'),
    string('none'),
    string(''),
    uint32(1),
    string(Buffer.concat([type, string(publicKey)])),
    string(Buffer.concat([...secret, padding])),
  ]);
  const lines = whole.toString('base64').replaceAll(/.{70}/g, '$&\n').trimEnd();
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}
