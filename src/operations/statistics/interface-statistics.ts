import { join } from 'node:path';
import { RefusedError, SystemError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import { cardNamed, cardsOf } from './cards.js';
import { readKernelFile } from './kernel-file.js';
import { runningGuest } from './running-guest.js';

/** Counters of one direction. */
export interface Traffic {
  readonly bytes: bigint;
  readonly packets: bigint;
  readonly errors: bigint;
  readonly dropped: bigint;
}

/** Traffic of one network card from the guest's view; the host's end counts the opposite directions. */
export interface InterfaceStatistics {
  /** Name of the host's end. */
  readonly ifname: string;
  readonly received: Traffic;
  readonly sent: Traffic;
}

/**
 * The figures of one network card of a running domain, by the name of its host's end (`vif3.0`) or by its address (S40,
 * S41).
 * @throws as `runningGuest`; RefusedError `E_REFUSED_NO_INTERFACE` if the host has not made the card (yet); UsageError
 * `E_USAGE_INTERFACE` if the domain has no such card; SystemError `E_SYSTEM_COUNTERS`
 */
export async function interfaceStatistics(
  host: Host,
  ref: string,
  wanted: string,
  signal: AbortSignal,
): Promise<InterfaceStatistics> {
  const guest = await runningGuest(host, ref, signal);
  const card = cardNamed(cardsOf(guest), wanted, guest.info.name);
  const ifname = card.names.includes(wanted) ? wanted : card.names[0];
  const path = join(host.toolstack.kernelFiles, 'proc/net/dev');
  const line = lineOf((await readKernelFile(path)) ?? '', ifname);
  if (line === undefined) {
    throw new RefusedError('E_REFUSED_NO_INTERFACE', `Interface not found: ${path} has no ${ifname}`, {
      hint: 'The host makes it when the domain starts and removes it with the domain; if a driver domain serves the card, look there. A simulated host has no counters.',
      data: { path, interface: ifname },
    });
  }
  return { ifname, ...readTraffic(line, path) };
}

/** The figures after a name in /proc/net/dev. */
function lineOf(text: string, ifname: string): string | undefined {
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && line.slice(0, colon).trim() === ifname) return line.slice(colon + 1);
  }
  return undefined;
}

/** Source: Linux' proc(5), /proc/net/dev: eight figures received by the host, then eight that it sent. */
function readTraffic(line: string, path: string): Pick<InterfaceStatistics, 'received' | 'sent'> {
  const figures = line.trim().split(/\s+/);
  if (figures.length < 16 || !figures.every((one) => /^\d{1,20}$/.test(one))) {
    throw new SystemError('E_SYSTEM_COUNTERS', `${path} has a line in an unknown form: ${line.trim()}`, {
      data: { path },
    });
  }
  const traffic = (at: number): Traffic => {
    const [bytes, packets, errors, dropped] = figures.slice(at, at + 4).map(BigInt);
    return { bytes, packets, errors, dropped };
  };
  return { received: traffic(8), sent: traffic(0) };
}
