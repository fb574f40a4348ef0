import { createServer, type Server, type Socket } from 'node:net';
import { jobLine, jobQuestionSchema, type JobAnswer, type JobQuestion } from './job-messages.js';
import { socketLines } from './line-reader.js';
import { PrivateSocket } from './private-socket.js';

/** Most clients at once; further ones are not answered. */
const MAX_ASKERS = 32;
/** A client that sends nothing is disconnected after this time. */
const ASK_MS = 10_000;

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
  readonly #waiting = new Set<Socket>();
  readonly #open = new Set<Socket>();

  private constructor(private readonly jobServer: JobServer) {
    this.#server = createServer((socket) => {
      this.#open.add(socket);
      socket.on('close', () => this.#open.delete(socket));
      // A failing client does not affect the job.
      void this.#serve(socket).catch(() => socket.destroy());
    });
    this.#server.maxConnections = MAX_ASKERS;
    // The job keeps its process alive, its clients do not.
    this.#server.unref();
  }

  /** The caller holds the domain's job: an existing socket is that of a dead process. */
  static async open(path: string, jobServer: JobServer): Promise<JobEndpoint> {
    const endpoint = new JobEndpoint(jobServer);
    endpoint.#socket = await PrivateSocket.listen(endpoint.#server, path);
    return endpoint;
  }

  async #serve(socket: Socket): Promise<void> {
    socket.unref();
    socket.setTimeout(ASK_MS, () => {
      if (!this.#waiting.has(socket)) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    for await (const line of socketLines(socket)) {
      const answer = this.#answer(jobQuestionSchema.parse(JSON.parse(line)));
      if (answer.type === 'asked') this.#waiting.add(socket);
      socket.write(jobLine(answer));
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
    for (const socket of this.#open) {
      if (this.#waiting.has(socket)) socket.end(jobLine(last), () => socket.destroy());
      else socket.destroy();
    }
    this.#waiting.clear();
  }
}
