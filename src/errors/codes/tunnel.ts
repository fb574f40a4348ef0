import { rows } from './row.js';

/** A connection that failed, or was refused by TLS or ssh. */
export const TUNNEL_CODES = rows('TunnelError', 1, {
  E_TUNNEL_AUTH: [
    'The ssh server accepted none of the keys that were offered.',
    'Add your public key to `~/.ssh/authorized_keys` of that user on the other host, or load the right key into the agent.',
  ],
  E_TUNNEL_BUSY: [
    'The service turned a connection away because it has too many unfinished connections.',
    "Try again; if it repeats, look in the service's log for the addresses that occupy it.",
  ],
  E_TUNNEL_CERT_CRL: [
    'The list of revoked certificates has expired, is not yet valid or cannot be verified.',
    'Create a new list with `xenferry pki revoke` and copy `crl.pem` to the hosts.',
  ],
  E_TUNNEL_CERT_EXPIRED: [
    'A certificate has expired.',
    'Renew it with `xenferry pki renew`, and check the clocks of both hosts.',
  ],
  E_TUNNEL_CERT_NOT_YET_VALID: [
    'A certificate is not valid yet.',
    'Compare the clock of this host with that of the host where the certificate was issued.',
  ],
  E_TUNNEL_CERT_NO_NAME: [
    'The certificate of the peer has no host name or address among its alternative names.',
    'Issue one with `xenferry pki issue --host NAME-OR-IP`; a common name does not count.',
  ],
  E_TUNNEL_CERT_REQUIRED: [
    'The peer presented no certificate.',
    'Give the peer a folder with `ca.pem`, `cert.pem` and `key.pem` made by `xenferry pki issue`.',
  ],
  E_TUNNEL_CERT_REVOKED: ['The certificate has been revoked.', 'Issue a new one with `xenferry pki issue`.'],
  E_TUNNEL_CERT_UNTRUSTED: [
    'The certificate was not issued by the authority in `ca.pem`.',
    'Issue the certificates of both hosts from one authority with `xenferry pki issue`.',
  ],
  E_TUNNEL_CERT_WRONG_HOST: [
    'The certificate of the peer does not contain the name or address that was dialled.',
    'Dial a name that it contains, or issue one with `xenferry pki issue --host NAME-OR-IP`.',
  ],
  E_TUNNEL_CLOSED: [
    'The connection was closed by this side or in an orderly way by the peer.',
    'Look at the log of the other host if it was not closed on request.',
  ],
  E_TUNNEL_CREDENTIALS: [
    'The certificate, the key or the authority of this host cannot be used.',
    'Create them again with `xenferry pki issue`.',
  ],
  E_TUNNEL_CREDENTIALS_CRL: [
    'A list of revoked certificates that was in use is missing, older than before, or its record is damaged.',
    'Copy the newest `crl.pem` from the authority; remove the record that the message names only if no list exists any more.',
  ],
  E_TUNNEL_CREDENTIALS_DAMAGED: [
    "A file of this host's certificate, key or authority is damaged.",
    'Create the folder again with `xenferry pki issue`, or copy the file again.',
  ],
  E_TUNNEL_CREDENTIALS_ENCRYPTED: [
    'The private key of this host is encrypted, and xenferry never asks for a passphrase.',
    'Store the key without a passphrase, readable by root only.',
  ],
  E_TUNNEL_CREDENTIALS_MISMATCH: [
    'The private key does not belong to the certificate, or the certificate was not issued by the authority in `ca.pem`.',
    'Put `ca.pem`, `cert.pem` and `key.pem` of one issue into the folder.',
  ],
  E_TUNNEL_CREDENTIALS_MISSING: [
    "A file of this host's certificate, key or authority cannot be read.",
    'Create the folder with `xenferry pki issue`, and check its permissions.',
  ],
  E_TUNNEL_CREDENTIALS_MODE: [
    'Other users can read the private key of this host.',
    'Run the `chmod` command that the hint shows.',
  ],
  E_TUNNEL_CUT: [
    'The connection ended without the end of the conversation.',
    'Look at the log of the other host: its process died, or the network closed the connection.',
  ],
  E_TUNNEL_HANDSHAKE: [
    'The TLS or ssh handshake failed.',
    'Check that the right service listens on that port, and look at its log.',
  ],
  E_TUNNEL_HOSTKEY_CHANGED: [
    'The ssh host key differs from the one in the known_hosts file.',
    'Ask the administrator of the host whether its key was replaced, and compare the fingerprint before you replace the entry.',
  ],
  E_TUNNEL_HOSTKEY_REVOKED: [
    'The ssh host key is marked as revoked in the known_hosts file.',
    'Do not connect before the host has a new key.',
  ],
  E_TUNNEL_HOSTKEY_UNKNOWN: [
    'The ssh host key is not in any known_hosts file.',
    'Compare the fingerprint with that on the host, then add the key as the hint shows.',
  ],
  E_TUNNEL_IN_DOUBT: [
    'The destination was asked to finish the migration, and its answer has not arrived.',
    'Run `xenferry recover`, and do not start either copy by hand before that.',
  ],
  E_TUNNEL_KNOWN_HOSTS: ['A known_hosts file exists but cannot be read.', 'Check its permissions and its size.'],
  E_TUNNEL_LANE_LOST: [
    'A data connection closed in the middle of the transfer.',
    'Look at the log of the other host, and migrate again.',
  ],
  E_TUNNEL_LISTEN: [
    'The service cannot listen on its address or socket.',
    'Check that the address is free and belongs to this host, or that the folder exists and has a short name.',
  ],
  E_TUNNEL_LOST: [
    'The connection broke, or could not be restored within `--reconnect-timeout`.',
    'Check the network and the log of the other host.',
  ],
  E_TUNNEL_NOT_XENFERRY: [
    'Something other than xenferry answers at the destination.',
    'Check the port, and that `xenferry serve` listens there with a certificate.',
  ],
  E_TUNNEL_REFUSED: ['The other host refused the connection without a readable reason.', 'Look at its log.'],
  E_TUNNEL_REMOTE: [
    'The other host reported that the migration failed there.',
    'Look at its log; the message repeats what it recorded.',
  ],
  E_TUNNEL_REMOTE_COMMAND: [
    'The remote command, xenferry or xl, is not installed or not found on the other host.',
    'Install it there in the PATH of a non-interactive login, or name it with `--remote-command PATH`.',
  ],
  E_TUNNEL_REMOTE_EXIT: [
    'The remote command ended unexpectedly.',
    'Look at its output in the message, and at the log on that host.',
  ],
  E_TUNNEL_SILENT: [
    'The other host sent nothing, not even a keepalive, for too long.',
    'Check the network, and whether the other host hangs.',
  ],
  E_TUNNEL_SSH_CHANNEL: [
    'The ssh server refused to run a command or to forward a connection.',
    'Check the sshd configuration of that host for restrictions on this user.',
  ],
  E_TUNNEL_SSH_CONFIG: [
    'A line of an ssh configuration file cannot be used.',
    'Correct the line that the message names; `ssh -G HOST` shows how OpenSSH reads the file.',
  ],
  E_TUNNEL_UNHEARD: [
    'Too many messages wait for an acknowledgement of the other host.',
    'Look at the log of the other host, which hangs or breaks the protocol.',
  ],
  E_TUNNEL_UNREACHABLE: [
    'No connection to the host could be established.',
    'Check the name, the port, the firewall, and that the service runs.',
  ],
});
