import { rows } from './row.js';

/** A cookie, message or frame that breaks the protocol. */
export const PROTOCOL_CODES = rows('ProtocolError', 1, {
  E_PROTOCOL_ACK: [
    'The peer acknowledged data that was not sent.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_AGENT_CALL: [
    'A helper process was asked for a call that it does not have.',
    'Restart the service: its helper processes may belong to another release.',
  ],
  E_PROTOCOL_BATCH: [
    'A batch of the encoded stream is malformed.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_COOKIE_EMPTY: ['The migration cookie is empty.', 'Look at the peer: it sent a cookie without content.'],
  E_PROTOCOL_COOKIE_MISMATCH: [
    'The migration cookie belongs to another domain than the domain XML.',
    'Start the migration again; report it if it happens twice.',
  ],
  E_PROTOCOL_COOKIE_MISSING: [
    'The migration cookie lacks a required element.',
    'Look at the software of the peer: its cookie is incomplete.',
  ],
  E_PROTOCOL_COOKIE_NO_NUL: [
    'The migration cookie does not end with a NUL byte.',
    'Look at the software of the peer: its cookie is incomplete.',
  ],
  E_PROTOCOL_COOKIE_ROOT: [
    'The root element of the migration cookie is not `<libxl-migration>`.',
    'Check that the peer uses the libxl driver.',
  ],
  E_PROTOCOL_COOKIE_TOO_LARGE: [
    'The migration cookie is larger than the limit.',
    'Look at the software of the peer: no valid cookie is that large.',
  ],
  E_PROTOCOL_COOKIE_UUID: [
    'The UUID in the migration cookie is not valid.',
    'Look at the software of the peer: its cookie is malformed.',
  ],
  E_PROTOCOL_COOKIE_VERSION: [
    'The stream version in the migration cookie is not a number.',
    'Look at the software of the peer: its cookie is malformed.',
  ],
  E_PROTOCOL_COOKIE_XML: [
    'The migration cookie is not well-formed XML.',
    'Look at the software of the peer: its cookie is malformed.',
  ],
  E_PROTOCOL_DEFINITION: [
    'The definition that is to be stored at the destination is not that of the migrated domain.',
    'Start the migration again without `--persistent`, and report it.',
  ],
  E_PROTOCOL_EPOCH: [
    'A request belongs to another attempt of the migration than the one that is under way.',
    'Start the migration again.',
  ],
  E_PROTOCOL_LIBVIRT_CALL: [
    "A client of libvirt's protocol made a call that this host does not know.",
    'Use a client that tries older calls, as virsh does, or the command of xenferry itself.',
  ],
  E_PROTOCOL_LIBVIRT_MESSAGE: [
    "A message of libvirt's protocol has a length or a type that it cannot have.",
    'Look at what connects to the socket: it is no client of libvirt.',
  ],
  E_PROTOCOL_FEATURE: [
    'The peer lacks a protocol feature that migrations need.',
    'Update the peer to a release that can take part in migrations.',
  ],
  E_PROTOCOL_FLOOD: [
    'The peer has more requests open than the protocol allows.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_FRAME_CRC: [
    'The payload of a frame does not match its checksum.',
    'Migrate again; if it repeats, look for hardware or software between the hosts that changes data.',
  ],
  E_PROTOCOL_FRAME_HEADER: [
    'The header of a frame does not match its checksum.',
    'Migrate again; if it repeats, look for hardware or software between the hosts that changes data.',
  ],
  E_PROTOCOL_FRAME_LENGTH: [
    'A frame is longer or shorter than its type allows.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_FRAME_ORDER: [
    'A frame arrived at a point of the conversation where it is not allowed.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_FRAME_RANGE: [
    'A number in a frame header is beyond the range of the protocol.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_FRAME_RESERVED: [
    'A reserved field of a frame header is not zero.',
    'Compare the versions of xenferry on both hosts: the peer may be newer.',
  ],
  E_PROTOCOL_FRAME_SEQUENCE: [
    'A message has a sequence number other than the next one.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_FRAME_TYPE: [
    'A frame has an unknown type.',
    'Compare the versions of xenferry on both hosts: the peer may be newer.',
  ],
  E_PROTOCOL_FRAME_UNEXPECTED: [
    'A lane carried a frame of a type that does not belong there.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_FRAME_UNUSED: [
    'A frame sets a field that its type does not use.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_GREETING: [
    'The greeting over ssh is damaged.',
    'Make the start-up files of the remote login shell print nothing for non-interactive commands.',
  ],
  E_PROTOCOL_GREETING_VERSION: [
    'The peer uses another version of the ssh greeting.',
    'Install the same release of xenferry on both hosts.',
  ],
  E_PROTOCOL_LANE: [
    'A data connection names a lane that the migration did not prepare.',
    'Start the migration again; the previous one may have ended.',
  ],
  E_PROTOCOL_LANES_DUPLICATE: [
    'A frame of the stream arrived twice.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_LANES_OFFSET: [
    'A frame of the stream does not continue where the previous one ended.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_LANES_WINDOW: [
    'The sender sent more data than the receiver had allowed it to.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_LANES_TOTAL: [
    'The amount of data that arrived does not match what the sender counted.',
    'Migrate again, and report it if it happens twice.',
  ],
  E_PROTOCOL_LIBXL_JSON: [
    'The native libxl configuration cannot be parsed.',
    'Check that the toolstack of the host where the guest ran is complete.',
  ],
  E_PROTOCOL_LINE_TOO_LONG: [
    'A helper process or peer sent a line beyond the limit.',
    'Compare the versions of xenferry on both sides, and report it if they are the same.',
  ],
  E_PROTOCOL_MESSAGE: [
    'A message is not valid JSON, or does not have the form that the protocol defines.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_MESSAGE_SIZE: [
    'A message is empty or larger than the limit.',
    'Reduce the domain XML if it is unusually large; otherwise report it.',
  ],
  E_PROTOCOL_NOT_YOURS: [
    'The migration belongs to another peer than the one that asks about it.',
    'Ask over the same transport, with the same certificate or user, as when it began.',
  ],
  E_PROTOCOL_REPEATED: ['The same migration was prepared twice.', 'Start the migration again.'],
  E_PROTOCOL_REPLY: [
    'The peer answered with the wrong type of message.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_RESUME: [
    'After a reconnection the two sides disagree on the messages that have arrived.',
    'Start the migration again, and report it.',
  ],
  E_PROTOCOL_ROLE: [
    'The peer sent a request on a connection on which it may only answer.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_SESSION: [
    'A connection refers to a conversation that the destination has given up or never had.',
    'Start the migration again.',
  ],
  E_PROTOCOL_STREAM: [
    'The destination chose an encoding of the stream that was not offered.',
    'Compare the versions of xenferry on both hosts, and report it if they are the same.',
  ],
  E_PROTOCOL_TOKEN: [
    'A data connection carries a token that no migration waits for.',
    'Start the migration again; the previous one may have ended.',
  ],
  E_PROTOCOL_UNKNOWN: [
    'The peer asked about too many migrations that this host never had.',
    'Check with `xenferry recover --list` at the source that its destination is right, and try again after an hour.',
  ],
  E_PROTOCOL_VERSION: [
    'The two hosts have no protocol version in common.',
    'Install releases of xenferry on both hosts that share a version.',
  ],
  E_PROTOCOL_XL: [
    'The xl program at the other end sent something other than its migration protocol.',
    'Run `xl list -v` on that host and look at its output.',
  ],
  E_PROTOCOL_ZSTD: [
    'A compressed block of the stream cannot be decompressed to its declared size.',
    'Migrate again; if it repeats, use `--compress none` and report it.',
  ],
  E_PROTOCOL_XDR: [
    "The payload of a message of libvirt's protocol is malformed.",
    'Look at the client: it breaks the protocol, or is of a release that this one does not know.',
  ],
});
