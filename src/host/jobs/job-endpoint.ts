import { createServer, type Server } from 'node:net';
import { SocketChannel } from '../../channel/socket-channel.js';
import { jobQuestionSchema, MAX_JOB_LINE_BYTES, type JobAnswer, type JobQuestion } from './job-messages.js';
import { PrivateSocket } from './private-socket.js';

/** Most clients at once; further ones are not answered. */
const MAX_ASKERS = 32;
/** A client that sends nothing is disconnected after this time. */
const ASK_MS = 10_000;

type JobChannel = SocketChannel<JobQuestion, JobAnswer>;

/** The answers of a job. `abort` returns undefined if the request was accepted, else the reason of the refusal. */
export interface JobServer {
  info(): JobAnswer;
  abort(from: string): string | undefined;
}

/**
 * A running job's unix socket, mode 0600 in a folder of mode 0700: another process of this host queries its progress,
 * or asks it to stop. A socket whose process is dead refuses connections, and the next job replaces it.
 */
export class JobEndpoint {
  readonly #server: Server;
  #socket: PrivateSocket | undefined;
  readonly #waiting = new Set<JobChannel>();
  readonly #open = new Set<JobChannel>();

  private constructor(private readonly jobServer: JobServer) {
    this.#server = createServer((socket) => {
      // The job keeps its process alive, its clients do not.
      socket.unref();
      const channel: JobChannel = new SocketChannel(socket, {
        receives: jobQuestionSchema,
        limitBytes: MAX_JOB_LINE_BYTES,
        peer: 'a process that asks for a job',
      });
      this.#open.add(channel);
      socket.on('close', () => {
        this.#open.delete(channel);
        this.#waiting.delete(channel);
      });
      // A failing client does not affect the job.
      void this.#serve(channel).catch(() => channel.destroy());
    });
    this.#server.maxConnections = MAX_ASKERS;
    this.#server.unref();
  }

  /** The caller holds the domain's job: an existing socket is that of a dead process. */
  static async open(path: string, jobServer: JobServer): Promise<JobEndpoint> {
    const endpoint = new JobEndpoint(jobServer);
    endpoint.#socket = await PrivateSocket.listen(endpoint.#server, path);
    return endpoint;
  }

  async #serve(channel: JobChannel): Promise<void> {
    for (;;) {
      // One that waits for the job's end need not ask again.
      const question = await channel.next(this.#waiting.has(channel) ? undefined : ASK_MS);
      if (question === undefined) return;
      const answer = this.#answer(question);
      if (answer.type === 'asked') this.#waiting.add(channel);
      channel.send(answer);
    }
  }

  #answer(question: JobQuestion): JobAnswer {
    switch (question.ask) {
      case 'info':
        return this.jobServer.info();
      case 'abort': {
        const why = this.jobServer.abort(question.from ?? 'another process');
        return why === undefined ? { type: 'asked' } : { type: 'refused', why };
      }
    }
  }

  /** Sends the result to the clients that wait for the end, and removes the socket, before it returns. */
  close(last: JobAnswer): void {
    this.#socket?.[Symbol.dispose]();
    for (const channel of this.#open) {
      if (this.#waiting.has(channel)) channel.close(last);
      else channel.destroy();
    }
    this.#waiting.clear();
  }
}
