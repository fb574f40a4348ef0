import type { Algorithms } from 'ssh2';
import type { HostKeyAlgorithm } from './host-key.js';

/**
 * All that is offered to an sshd, by name: what the library adds to its defaults, or leaves in them, changes nothing
 * here. No SHA-1, no CBC, no group under 2048 bits. The order is the preference.
 */
export function sshAlgorithms(hostKeys: HostKeyAlgorithm[]): Required<Algorithms> {
  return {
    kex: [
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp256',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
      'diffie-hellman-group-exchange-sha256',
      'diffie-hellman-group16-sha512',
      'diffie-hellman-group18-sha512',
      'diffie-hellman-group14-sha256',
    ],
    serverHostKey: hostKeys,
    // AES-GCM runs in hardware; chacha20 is there for processors without.
    cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com'],
    // These ciphers include authentication; a server may require a common MAC name all the same.
    hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
    compress: ['none'],
  };
}
