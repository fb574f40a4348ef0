import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_DEADLINES } from '../../../../src/control/deadlines.js';
import { FEATURES, PROTOCOL, type Request } from '../../../../src/control/messages.js';
import { receiveFromXl } from '../../../../src/migration/xl/from-xl.js';
import { TunnelError } from '../../../../src/errors/errors.js';
import { Journal } from '../../../../src/journal/journal.js';
import { encodeXlHead } from '../../../../src/savefile/xl-header.js';
import { XL_BANNER, XL_GO, XL_READY, XL_REPORT } from '../../../../src/savefile/xl-handshake.js';
import type { Connect, DestinationEvents } from '../../../../src/source/destination.js';
import { smallHvmParts } from '../../../support/small-stream.js';

const XML =
  `<domain type='xen'><name>g</name><uuid>5e0d0000-0000-4000-8000-000000000003</uuid><memory unit='MiB'>16</memory>` +
  `<vcpu>1</vcpu><os><type arch='x86_64' machine='xenpvh'>xenpvh</type></os></domain>`;
const REFUSAL = Buffer.concat([XL_REPORT, Buffer.of(3), XL_GO]);

/** xl at one end, a destination of our making at the other. */
class Stage {
  readonly toUs = new PassThrough();
  readonly fromUs = new PassThrough();
  readonly asked: Request['type'][] = [];
  /** The release of Xen that was sent along with `prepare`. */
  xen: string | undefined;
  readonly dir = mkdtempSync(join(tmpdir(), 'xenferry-from-xl-'));
  events: DestinationEvents | undefined;
  write: () => Promise<void> = () => Promise.resolve();
  #said = Buffer.alloc(0);

  readonly connect: Connect = (events) => {
    this.events = events;
    return Promise.resolve({
      hello: { protocol: PROTOCOL, software: 'test', hostname: 'there', features: [...FEATURES], streamVersions: [2] },
      identity: { transport: 'tls', name: 'there', address: '127.0.0.1' },
      transport: 'tls',
      requester: {
        request: (request) => {
          this.asked.push(request.type);
          if (request.type === 'prepare') this.xen = request.xen;
          const reply =
            request.type === 'prepare'
              ? { type: 'prepared', token: '0'.repeat(64), windowBytes: 1024 * 1024 }
              : { type: 'outcome', outcome: request.type === 'finish' ? 'committed' : 'aborted', running: true };
          return Promise.resolve(reply as never);
        },
      },
      openLanes: () =>
        Promise.resolve({
          count: 1,
          wireBytes: 0,
          write: () => this.write(),
          end: () => Promise.resolve({ rawBytes: 0, wireBytes: 0 }),
          destroy: () => undefined,
        }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  };

  receive(deadlines: Partial<typeof DEFAULT_DEADLINES> = {}): ReturnType<typeof receiveFromXl> {
    this.fromUs.on('data', (chunk: Buffer) => (this.#said = Buffer.concat([this.#said, chunk])));
    this.toUs.write(encodeXlHead({ format: 'domain-xml', text: XML }));
    for (const part of smallHvmParts()) this.toUs.write(part);
    const never = new AbortController().signal;
    return receiveFromXl({
      input: this.toUs,
      output: this.fromUs,
      connect: this.connect,
      journal: new Journal(join(this.dir, 'journal')),
      deadlines: { ...DEFAULT_DEADLINES, ...deadlines },
      lanes: 1,
      paused: false,
      signal: never,
      abandon: never,
      log: () => undefined,
    });
  }

  get said(): Buffer {
    return this.#said;
  }

  /** Resolves once we have said these words last. */
  async hears(words: Buffer): Promise<void> {
    while (!this.#said.subarray(-words.length).equals(words)) await once(this.fromUs, 'data');
  }
}

describe('a guest from a stock xl', () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(() => {
    rmSync(stage.dir, { recursive: true });
  });

  it('arrives', async () => {
    const receiving = stage.receive();
    await stage.hears(XL_READY);
    stage.toUs.write(XL_GO);
    await expect(receiving).resolves.toMatchObject({ name: 'g', running: true });
    expect(stage.asked).toEqual(['prepare', 'finish']);
    // From the stream's own header: the destination compares it with its own.
    expect(stage.xen).toBe('4.17');
    expect(stage.said.subarray(-1)[0]).toBe(0);
  });

  it('F6: goes back to xl where the destination is lost between ready and go', async () => {
    const receiving = stage.receive();
    await stage.hears(XL_READY);
    stage.events?.onLost(new TunnelError('E_TUNNEL_LOST', 'the destination is away'));
    await stage.hears(REFUSAL);
    stage.toUs.end(XL_GO); // it was on its way, and xl then reads what we have said
    await expect(receiving).rejects.toMatchObject({ code: 'E_TUNNEL_LOST' });
    expect(stage.asked).toEqual(['prepare', 'cancel']);
  });

  it('F6: goes back to xl where its permission does not come in time', async () => {
    const receiving = stage.receive({ finishMs: 50 });
    await stage.hears(REFUSAL);
    stage.toUs.end();
    await expect(receiving).rejects.toMatchObject({ code: 'E_DEADLINE_XL' });
    expect(stage.asked).toEqual(['prepare', 'cancel']);
  });

  it('F6: an xl that never ends holds nobody', async () => {
    const receiving = stage.receive({ finishMs: 50, callMs: 50 });
    await expect(receiving).rejects.toMatchObject({ code: 'E_DEADLINE_XL' });
  });

  it('F5: a destination that takes nothing more ends it before xl is told that we are ready', async () => {
    stage.write = () => new Promise(() => undefined);
    await expect(stage.receive({ stallMs: 50 })).rejects.toMatchObject({ code: 'E_DEADLINE_STALLED' });
    expect(stage.said.equals(XL_BANNER)).toBe(true);
    expect(stage.asked).toEqual(['prepare', 'cancel']);
  });
});
