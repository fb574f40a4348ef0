import { describe, expect, it } from 'vitest';
import { domainEventSchema, type DomainEvent } from '../../src/host/events/event.js';
import { a, useTwoHosts } from '../support/fault-rig.js';
import { guestXml, type TestHost } from '../support/hosts.js';
import type { Running } from '../support/program.js';

useTwoHosts();

/** Follows the events of a host; resolves once none can be missed. */
async function follow(host: TestHost, ...options: string[]): Promise<Running> {
  const running = host.start('event', '--loop', '--json', ...options);
  await running.saysOnStderr(/waiting for events/);
  return running;
}

function toldBy(running: Running): DomainEvent[] {
  return running.stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => domainEventSchema.parse(JSON.parse(line)));
}

/** `started booted` */
const words = ({ what }: DomainEvent): string =>
  what.type === 'lifecycle' ? `${what.change.event} ${what.change.detail}` : what.type;

describe('xenferry event', () => {
  it('S36: tells in order what other processes do to domains, of one or of all', async () => {
    const all = await follow(a);
    const other = await follow(a, '--domain', 'other', '--event', 'lifecycle');
    await a.create(guestXml());
    await a.must('suspend', 'guest');
    await a.must('resume', 'guest');
    await a.must('destroy', 'guest');
    await a.create(guestXml({ name: 'other' }));
    await expect.poll(() => toldBy(other).map(words), { timeout: 20_000 }).toEqual(['started booted']);
    await expect.poll(() => toldBy(all).length, { timeout: 20_000 }).toBe(5);
    expect(toldBy(all).map(words)).toEqual([
      'started booted',
      'suspended paused',
      'resumed unpaused',
      'stopped destroyed',
      'started booted',
    ]);
    expect(toldBy(all)[0]).toMatchObject({ domain: 'guest', id: 1 });
    all.kill('SIGTERM');
    other.kill('SIGTERM');
    expect((await all.finished).stderr).toContain('events received: 5');
    expect((await other.finished).code).toBe(0);
  });

  it('ends after one event, or when its time is up, and says so', async () => {
    const one = a.start('event', '--timestamp');
    await one.saysOnStderr(/waiting for events/);
    await a.create(guestXml());
    expect(await one.finished).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^20.*Z: event 'lifecycle' for domain 'guest': Started Booted\n$/) as string,
    });
    const late = await a.run('event', '--timeout', '0.05', '--loop');
    expect(late).toMatchObject({ code: 1, stdout: '' });
    expect(late.stderr).toContain('event loop timed out');
    expect((await a.run('event', '--event', 'nonsense')).stderr).toContain('E_USAGE_EVENT');
  });
});
