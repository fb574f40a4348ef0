import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reply } from '../../../../src/control/messages.js';
import { connectToXl } from '../../../../src/migration/xl/xl-destination.js';
import { resolveSshTarget } from '../../../../src/tunnel/ssh/ssh-target.js';
import { never } from '../../../support/local-host.js';
import { makeKey, TestHome, TestServer } from '../../tunnel/ssh/test-server.js';

const UUID = '5e0d0000-0000-4000-8000-000000000002';
const row = (name: string, domid = 7, uuid = UUID): string =>
  `${name.padEnd(40)} ${domid}    16     1     -b----       0.1  ${uuid}\n`;
const HEAD =
  'Name                                        ID   Mem VCPUs\tState\tTime(s)   UUID\n' +
  row('Domain-0', 0, '00000000-0000-0000-0000-000000000000');

describe('a source whose xl peer has given no answer', () => {
  const hostKey = makeKey();
  const userKey = makeKey();
  let home: TestHome;
  let server: TestServer;
  let listed: string;
  beforeEach(async () => {
    home = new TestHome();
    server = await TestServer.start({
      hostKeys: [hostKey],
      authorized: [userKey],
      onExec: (_command, channel) => {
        channel.write(listed);
        channel.exit(0);
        channel.end();
      },
    });
    home.knows(server.port, hostKey);
    home.write('id_ed25519', userKey.privateText);
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    home[Symbol.dispose]();
  });

  async function ask(): Promise<Reply> {
    const target = resolveSshTarget({ host: '127.0.0.1', port: server.port }, home.environment);
    await using destination = await connectToXl(target, {})(
      { onFailed: () => undefined, onLost: () => undefined },
      never,
    );
    const status = { type: 'status', migration: UUID, epoch: 1, uuid: UUID, name: 'web' } as const;
    return await destination.requester.request(status, ['outcome'], { signal: never, ms: 60_000 });
  }

  it('takes a guest that runs there under its own name for arrived', async () => {
    listed = HEAD + row('web');
    expect(await ask()).toEqual({ type: 'outcome', outcome: 'committed', running: true });
  });

  it.each([
    ['has no such domain now', ''],
    ['still holds its copy as web--incoming', row('web--incoming')],
  ])('decides nothing where the host %s', async (seen, rows) => {
    listed = HEAD + rows;
    await expect(ask()).rejects.toMatchObject({
      code: 'E_REFUSED_XL_SILENT',
      message: expect.stringContaining(seen) as unknown,
    });
  });
});
