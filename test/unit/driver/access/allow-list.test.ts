import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AllowList } from '../../../../src/driver/access/allow-list.js';
import { connectThrough } from '../../../../src/driver/connect.js';
import { Reception } from '../../../../src/driver/reception.js';
import { LocalHost, never } from '../../../support/local-host.js';
import { linkPair } from '../../tunnel/duplex-pair.js';

describe('who may send guests', () => {
  it.each([
    [[], 'anybody', true],
    [['hv1.example'], 'hv1.example', true],
    [['hv1.example'], 'HV1.Example', true],
    [['hv1.example'], 'hv1.example.evil', false],
    [['hv1.example'], 'xhv1.example', false],
    [['*.example'], 'hv1.example', true],
    [['*.example'], 'a.b.example', true],
    [['*.example'], 'example', false],
    [['*.example'], '.example', false],
    [['*.example'], 'evilexample', false],
    [['192.0.2.1', 'b'], '192.0.2.1', true],
    [['2001:db8::1'], '2001:db8::1', true],
    [['a', 'b'], 'c', false],
    [['a'], '', false],
  ])('%j and %j: %s', (names, name, allowed) => {
    expect(new AllowList(names).allows(name)).toBe(allowed);
  });

  it.each(['', '*', 'a b', '*.*', 'hv*.example', 'a\nb', '.example', '-a'])('%j is no rule', (name) => {
    expect(() => new AllowList([name])).toThrow(expect.objectContaining({ code: 'E_USAGE_ALLOW' }) as Error);
  });
});

describe('a reception that does not let everybody in', () => {
  let local: LocalHost;
  let reception: Reception;
  const log: string[] = [];
  beforeEach(async () => {
    log.length = 0;
    local = await LocalHost.make();
    reception = new Reception(
      local.host,
      await local.host.hello(),
      (line) => log.push(line),
      new AllowList(['*.friends.example']),
    );
  });
  afterEach(async () => {
    await reception[Symbol.asyncDispose]();
    await local[Symbol.asyncDispose]();
  });

  const connect = async (): Promise<void> => {
    const dial = (): Promise<ReturnType<typeof linkPair>['a']> => {
      const pair = linkPair();
      reception.accept(pair.b);
      return Promise.resolve(pair.a);
    };
    const through = connectThrough(
      {
        transport: 'tls',
        target: 'b',
        dial,
        dialAgain: dial,
        dialLane: () => Promise.reject(new Error('no lanes here')),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
      await local.host.hello(),
    );
    const destination = await through({ onFailed: () => undefined, onLost: () => undefined }, never);
    await destination[Symbol.asyncDispose]();
  };

  it('refuses a peer that has a certificate and no leave, with the remedy, and says so', async () => {
    const { name } = linkPair().b.peer;
    await expect(connect()).rejects.toMatchObject({
      code: 'E_REFUSED_NOT_ALLOWED',
      message: expect.stringContaining(name) as string,
      hint: expect.stringContaining('--allow') as string,
    });
    await expect.poll(() => log.join(' ')).toContain('may not send guests');
  });

  it('lets it in once it is allowed, without a restart', async () => {
    reception.allowed = new AllowList([linkPair().b.peer.name]);
    await connect();
  });
});
