import process from 'node:process';
import { libssl } from '../../posix/tls/libssl.js';
import type { ThreadKind } from './thread-start.js';

/** `node`: links in threads go through `node:tls` also where libssl could be called. For a comparison, or a suspicion. */
const SWITCH = 'XENFERRY_LANE_TLS';

/** Who does TLS in threads: they themselves, where libssl's functions can be called. */
export function threadKind(): ThreadKind {
  return process.env[SWITCH] === 'node' || libssl() === undefined ? 'node' : 'libssl';
}
