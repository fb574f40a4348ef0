import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AbortedError, InvariantError, ProtocolError, ToolstackError } from '../../../src/errors/errors.js';
import { FdWriter } from '../../../src/posix/fd-stream.js';
import { makePipe, type OwnedFd } from '../../../src/posix/owned-fd.js';
import { Agent } from '../../../src/toolstack/agent/agent.js';
import { SpareAgent } from '../../../src/toolstack/agent/spare-agent.js';
import { TransferAgents } from '../../../src/toolstack/agent/transfer-agents.js';
import { agentEntry } from '../../../src/toolstack/agent/entry.js';
import { eventually } from '../../support/eventually.js';
import { never, TempFolder } from './rig.js';

const built = fileURLToPath(new URL('../../../dist', import.meta.url));

/** An agent whose calls do what the tests need. */
const SOURCE = `
import { serveAgent } from ${JSON.stringify(`${built}/toolstack/agent/serve.js`)};
import { ToolstackError } from ${JSON.stringify(`${built}/errors/errors.js`)};
import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
serveAgent({
  add: async ({ a, b }, call) => { call.emit({ half: a }); call.emit({ half: b }); return a + b; },
  nothing: async () => undefined,
  pid: async () => process.pid,
  fail: async () => { throw new ToolstackError('E_TOOLSTACK_TEST', 'the tool broke', { hint: 'Mend it.', data: { rc: -3 } }); },
  read: async () => readFileSync(4, 'utf8'),
  readPassed: async (_, call) => readFileSync(call.passedFd, 'utf8'),
  fds: async () => readdirSync('/proc/self/fd').map(Number).filter((fd) => fd > 3).map((fd) => { try { return readlinkSync('/proc/self/fd/' + fd); } catch { return 'gone'; } }),
  wait: async (_, call) => new Promise((_resolve, reject) => call.signal.addEventListener('abort', () => reject(call.signal.reason))),
  spin: async () => { for (;;) {} },
  stuck: async (command, call) => { const helper = spawn(command, command === 'cat' ? [] : ['600'], { stdio: ['pipe', 'inherit', 'inherit'] }); process.kill(helper.pid, 'SIGSTOP'); call.emit(helper.pid); await new Promise(() => undefined); },
  leave: async (code) => { process.stderr.write('first\\nlast words\\n'); process.exit(code); },
  die: async () => { process.kill(process.pid, 'SIGKILL'); },
  babble: async () => { writeSync(3, 'no json\\n'); return new Promise(() => undefined); },
  flood: async () => { const part = Buffer.alloc(1 << 20, 120); for (;;) writeSync(3, part); },
  unheard: async (path, call) => { call.ifUnheard(async () => writeFileSync(path, 'cleaned up')); call.emit('ready'); return new Promise((resolve) => call.signal.addEventListener('abort', () => resolve(1))); },
});
`;

let temp: TempFolder;
let entry: URL;
beforeEach(() => {
  temp = new TempFolder();
  writeFileSync(temp.file('agent.mjs'), SOURCE);
  entry = pathToFileURL(temp.file('agent.mjs'));
});
afterEach(() => {
  temp[Symbol.dispose]();
});

function start(options: { fds?: OwnedFd[]; cancelGraceMs?: number } = {}): Agent {
  return Agent.start({ entry, what: 'test', ...options });
}

const anything = { signal: never, result: z.unknown() };

function openFds(): number {
  return readdirSync('/proc/self/fd').length;
}

function killed(agent: Agent): void {
  if (agent.pid === undefined) throw new Error('it does not run');
  process.kill(agent.pid, 'SIGKILL');
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries > 10_000) throw new Error('it never came');
    await sleep(5);
  }
}

describe('an agent', () => {
  it('answers calls and tells events', async () => {
    await using agent = start();
    const halves: number[] = [];
    const sum = await agent.call(
      'add',
      { a: 2, b: 3 },
      {
        signal: never,
        result: z.number(),
        event: { schema: z.object({ half: z.number() }), heard: ({ half }) => halves.push(half) },
      },
    );
    expect(sum).toBe(5);
    expect(halves).toEqual([2, 3]);
    expect(await agent.call('nothing', undefined, anything)).toBeUndefined();
  });

  it('answers calls that overlap', async () => {
    await using agent = start();
    const stop = new AbortController();
    const waiting = agent.call('wait', null, { signal: stop.signal, result: z.unknown() });
    expect(await agent.call('add', { a: 1, b: 1 }, anything)).toBe(2);
    stop.abort(new AbortedError('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it('brings errors back in their class, with code, hint and data', async () => {
    await using agent = start();
    const failing = agent.call('fail', null, anything);
    await expect(failing).rejects.toBeInstanceOf(ToolstackError);
    await expect(failing).rejects.toMatchObject({
      code: 'E_TOOLSTACK_TEST',
      message: 'the tool broke',
      hint: 'Mend it.',
      data: { rc: -3 },
    });
  });

  it('refuses a call that there is not, and an answer of the wrong form', async () => {
    await using agent = start();
    for (const method of ['toString', 'none']) {
      const refused = agent.call(method, null, anything);
      await expect(refused).rejects.toBeInstanceOf(ProtocolError);
      await expect(refused).rejects.toMatchObject({ code: 'E_PROTOCOL_AGENT_CALL' });
    }
    await expect(agent.call('add', { a: 1, b: 2 }, { signal: never, result: z.string() })).rejects.toBeInstanceOf(
      InvariantError,
    );
  });

  it('that cannot be started fails its calls', async () => {
    const { execPath } = process;
    process.execPath = temp.file('no-such-node');
    try {
      await using agent = start();
      const calling = agent.call('add', { a: 1, b: 1 }, anything);
      await expect(calling).rejects.toMatchObject({ code: 'E_TOOLSTACK_AGENT_START' });
      expect(agent.isDead).toBe(true);
    } finally {
      process.execPath = execPath;
    }
  });

  it('inherits the descriptors it is given, and no others', async () => {
    const before = openFds();
    const stranger = makePipe('a stranger');
    const pipe = makePipe('passed on');
    {
      await using agent = start({ fds: [pipe.readEnd] });
      expect(pipe.readEnd.isOpen).toBe(false);
      const fds = await agent.call('fds', null, { signal: never, result: z.array(z.string()) });
      // node has pipes of its own; ours is one more than those of an agent that was given none
      await using bare = start();
      const bareFds = await bare.call('fds', null, { signal: never, result: z.array(z.string()) });
      const pipes = (list: string[]): number => list.filter((name) => name.startsWith('pipe:')).length;
      expect(pipes(fds)).toBe(pipes(bareFds) + 1);
      using writer = new FdWriter(pipe.writeEnd);
      await writer.write(Buffer.from('through the pipe'), never);
      await writer.end(never);
      expect(await agent.call('read', null, anything)).toBe('through the pipe');
    }
    stranger.readEnd.close();
    stranger.writeEnd.close();
    await until(() => openFds() <= before); // what an earlier test left may close meanwhile
  });

  it('closes the descriptors also where it cannot be started', async () => {
    const pipe = makePipe('lost');
    const agent = Agent.start({ entry: pathToFileURL(temp.file('none.mjs')), what: 'nothing', fds: [pipe.readEnd] });
    expect(pipe.readEnd.isOpen).toBe(false);
    pipe.writeEnd.close();
    await expect(agent.call('add', {}, anything)).rejects.toMatchObject({ code: 'E_TOOLSTACK_AGENT_DIED' });
    await agent.close();
  });
});

describe('an agent that is cancelled', () => {
  it('is asked first', async () => {
    await using agent = start();
    const stop = new AbortController();
    const call = agent.call('wait', null, { signal: stop.signal, result: z.unknown() });
    stop.abort(new AbortedError('the operator said so'));
    await expect(call).rejects.toThrow('the operator said so');
    expect(await agent.call('add', { a: 1, b: 2 }, anything)).toBe(3);
  });

  it('is killed where it does not listen', async () => {
    await using agent = start({ cancelGraceMs: 50 });
    const stop = new AbortController();
    const call = agent.call('spin', null, { signal: stop.signal, result: z.unknown() });
    stop.abort(new AbortedError('too slow'));
    await expect(call).rejects.toThrow('too slow');
    await expect(agent.call('add', {}, anything)).rejects.toMatchObject({ code: 'E_TOOLSTACK_AGENT_DIED' });
  });

  it('is not waited for beyond its death where what it had started is stuck and holds its pipes', async () => {
    const agent = start();
    let helper = 0;
    const call = agent.call('stuck', 'sleep', {
      signal: never,
      result: z.unknown(),
      event: {
        schema: z.number().int().positive(),
        heard: (pid) => {
          helper = pid;
          killed(agent);
        },
      },
    });
    try {
      await expect(call).rejects.toMatchObject({ code: 'E_TOOLSTACK_AGENT_DIED' });
      await agent.close();
    } finally {
      process.kill(helper, 'SIGKILL');
    }
  });

  it('F46: takes a helper along that stood still when it died', async () => {
    const agent = start();
    let helper = 0;
    const call = agent.call('stuck', 'cat', {
      signal: never,
      result: z.unknown(),
      event: {
        schema: z.number().int().positive(),
        heard: (pid) => {
          helper = pid;
          killed(agent);
        },
      },
    });
    await expect(call).rejects.toMatchObject({ code: 'E_TOOLSTACK_AGENT_DIED' });
    await until(() => !existsSync(`/proc/${helper}`) || readFileSync(`/proc/${helper}/stat`, 'utf8').includes(') Z '));
    await agent.close();
  });

  it('is not called at all where the signal has fired before', async () => {
    await using agent = start();
    const call = agent.call('add', {}, { signal: AbortSignal.abort(new AbortedError('early')), result: z.unknown() });
    await expect(call).rejects.toThrow('early');
  });
});

describe('an agent that dies', () => {
  it('F1: is named with its exit status and last words', async () => {
    await using agent = start();
    const call = agent.call('leave', 3, anything);
    await expect(call).rejects.toBeInstanceOf(ToolstackError);
    await expect(call).rejects.toMatchObject({
      code: 'E_TOOLSTACK_AGENT_DIED',
      message: 'the agent for the test died (exit status 3): last words',
      data: { exitCode: 3, signal: null, stderr: ['first', 'last words'] },
    });
  });

  it('F1: is named with the signal that killed it', async () => {
    await using agent = start();
    await expect(agent.call('die', null, anything)).rejects.toMatchObject({
      code: 'E_TOOLSTACK_AGENT_DIED',
      data: { exitCode: null, signal: 'SIGKILL' },
    });
  });

  it('is killed where it answers nonsense, or without end', async () => {
    for (const method of ['babble', 'flood']) {
      await using agent = start();
      await expect(agent.call(method, null, anything)).rejects.toBeInstanceOf(InvariantError);
    }
  });

  it('takes its process with it when it is closed', async () => {
    const agent = start();
    const { pid } = agent;
    await agent.call('add', { a: 1, b: 1 }, anything);
    await agent.close();
    expect(existsSync(`/proc/${String(pid)}`)).toBe(false);
  });

  it('F3: cleans up where its parent is killed before it has heard the answer', async () => {
    const mark = temp.file('mark');
    writeFileSync(
      temp.file('parent.mjs'),
      `import { Agent } from ${JSON.stringify(`${built}/toolstack/agent/agent.js`)};
       import { z } from ${JSON.stringify(import.meta.resolve('zod'))};
       const agent = Agent.start({ entry: new URL('./agent.mjs', import.meta.url), what: 'test' });
       await agent.call('unheard', process.argv[2], { signal: new AbortController().signal, result: z.unknown(),
         event: { schema: z.unknown(), heard: () => process.kill(process.pid, 'SIGKILL') } });`,
    );
    const parent = spawn(process.execPath, [temp.file('parent.mjs'), mark], { stdio: 'ignore' });
    const [, signal] = (await once(parent, 'exit')) as [number | null, string | null];
    expect(signal).toBe('SIGKILL');
    await until(() => existsSync(mark) && readFileSync(mark, 'utf8') === 'cleaned up');
  });
});

describe("an agent's entry point", () => {
  it('lies beside its starter in a build, and in the last build for a test', () => {
    expect(agentEntry('file:///opt/dist/toolstack/embedded/x.js', './y.js').href).toBe(
      'file:///opt/dist/toolstack/embedded/y.js',
    );
    expect(agentEntry('file:///home/src/p/src/toolstack/embedded/x.ts', './y.js').href).toBe(
      'file:///home/src/p/dist/toolstack/embedded/y.js',
    );
  });
});

describe('an agent that is there before its pipe', () => {
  it('opens the end that it is given, and ours is closed: the writer sees it go', async () => {
    const before = openFds();
    await using agent = start();
    const pipe = makePipe('test');
    const reading = agent.call('readPassed', {}, { ...anything, pipe: { fd: pipe.readEnd, flags: 'r' } });
    using writer = new FdWriter(pipe.writeEnd);
    await writer.write(Buffer.from('through a pipe'), never);
    await writer.end(never);
    expect(await reading).toBe('through a pipe');
    expect(pipe.readEnd.isOpen).toBe(false);
    await agent.close();
    expect(openFds()).toBe(before);
  });

  it('a pipe is closed here as well where the agent dies', async () => {
    const agent = start();
    const pipe = makePipe('test');
    await expect(agent.call('die', {}, { ...anything, pipe: { fd: pipe.readEnd, flags: 'r' } })).rejects.toMatchObject({
      code: 'E_TOOLSTACK_AGENT_DIED',
    });
    expect(pipe.readEnd.isOpen).toBe(false);
    pipe.writeEnd.close();
  });
});

describe('a spare agent', () => {
  it('is given once, ready, and another one follows behind the end of its work', async () => {
    let readied = 0;
    using spare = new SpareAgent({ entry, what: 'next' }, async (agent) => {
      await agent.call('nothing', {}, anything);
      readied += 1;
    });
    await eventually(() => expect(readied).toBe(1));
    await using first = spare.take('a save');
    expect(first).toBeDefined();
    expect(spare.take('another')).toBeUndefined();
    await expect(first?.call('leave', 3, anything)).rejects.toThrow('the agent for the a save died');
    spare.again();
    await eventually(() => expect(readied).toBe(2));
    await using second = spare.take('a restore');
    expect(await second?.call('add', { a: 1, b: 2 }, anything)).toBe(3);
  });

  it('goes a moment after its work is done, and at once with whoever kept it', async () => {
    const spare = new SpareAgent({ entry, what: 'next' }, () => Promise.resolve());
    const [done, late] = [start(), start()];
    spare.retire(done);
    expect(done.isDead).toBe(false);
    expect(await done.call('add', { a: 1, b: 2 }, anything)).toBe(3);
    await eventually(() => expect(done.isDead).toBe(true));
    spare.retire(late);
    spare[Symbol.dispose]();
    await eventually(() => expect(late.isDead).toBe(true));
  });

  it('that has died, or could not make itself ready, is not given', async () => {
    for (const method of ['die', 'fail']) {
      let failed = false;
      using spare = new SpareAgent({ entry, what: 'next' }, async (agent) => {
        await agent.call(method, {}, anything).finally(() => (failed = true));
      });
      await eventually(() => expect(failed).toBe(true));
      await Promise.resolve();
      expect(spare.take('a save')).toBeUndefined();
    }
  });
});

describe('agents for transfers', () => {
  it('use the one that waits for a pipe, once, and replace it; what is no pipe goes to a new one', async () => {
    using agents = new TransferAgents(entry);
    let readied = 0;
    const pids: unknown[] = [];
    agents.keepSpare(async (agent) => {
      pids.push(agent.pid);
      await agent.call('nothing', {}, anything);
      readied += 1;
    });
    const read = async (flags: 'r', text: string): Promise<unknown> => {
      const { readEnd, writeEnd } = makePipe('test');
      const writer = new FdWriter(writeEnd);
      await writer.write(Buffer.from(text), never);
      await writer.end(never);
      const stream = { fd: readEnd, flags };
      const answer = await agents.call({ method: 'readPassed', params: {}, what: 'restore', stream, ...anything });
      expect(readEnd.isOpen).toBe(false);
      return answer;
    };
    await eventually(() => expect(readied).toBe(1));
    expect(await read('r', 'first')).toBe('first');
    expect(await read('r', 'second')).toBe('second'); // at once: by a process of its own
    await eventually(() => expect(readied).toBe(2));
    expect(await agents.call({ method: 'pid', params: {}, what: 'test', ...anything })).not.toBe(pids[1]);
    expect(await read('r', 'third')).toBe('third');
    expect(new Set(pids).size).toBe(2);
  });

  it('end with whoever keeps them, and a call that fails has ended its agent', async () => {
    const agents = new TransferAgents(entry);
    const spares: Agent[] = [];
    agents.keepSpare((agent) => {
      spares.push(agent);
      return agent.call('nothing', {}, anything);
    });
    await expect(agents.call({ method: 'fail', params: {}, what: 'save', ...anything })).rejects.toThrow(
      'the tool broke',
    );
    agents[Symbol.dispose]();
    await eventually(() => expect(spares.map((agent) => agent.isDead)).toEqual([true]));
  });
});
