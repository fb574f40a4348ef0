import { Agent, type AgentOptions } from './agent.js';

/** How long the host is left alone behind the last transfer, before the agent for the next one is started. */
const AGAIN_MS = 3_000;
/** How long an agent that has done its work stays: ending a process is work, too, and a guest may be waiting to run, or its copy to be destroyed. */
const RETIRE_MS = 2_500;

/** An agent that waits for its call: a process that lives long starts one ahead, so that no guest waits for its start. */
export class SpareAgent implements Disposable {
  #agent: Agent | undefined;
  #again: NodeJS.Timeout | undefined;
  readonly #retired = new Map<Agent, NodeJS.Timeout>();
  #ended = false;

  /** @param ready what the agent is to do at once, so that it need not do it later */
  constructor(
    private readonly options: AgentOptions,
    private readonly ready: (agent: Agent) => Promise<unknown>,
  ) {
    this.#start();
  }

  /** The agent, which is the caller's now; undefined where none is there. */
  take(what: string): Agent | undefined {
    const agent = this.#agent;
    this.#agent = undefined;
    if (agent === undefined || agent.isDead) return undefined;
    agent.assign(what);
    return agent;
  }

  /** What an agent was for has come to its end: soon there will be another. */
  again(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#start(), AGAIN_MS).unref();
  }

  /** Takes over an agent whose work is done, and ends it in a moment. */
  retire(agent: Agent): void {
    if (this.#ended) {
      agent.dismiss();
      return;
    }
    const timer = setTimeout(() => {
      this.#retired.delete(agent);
      agent.dismiss();
    }, RETIRE_MS);
    this.#retired.set(agent, timer);
  }

  #start(): void {
    if (this.#ended || this.#agent?.isDead === false) return;
    const agent = Agent.start(this.options);
    this.#agent = agent;
    // One that is not fit for that is not fit for more.
    this.ready(agent).catch(() => {
      if (this.#agent !== agent) return; // it is somebody's, who will see for himself
      this.#agent = undefined;
      agent.dismiss();
    });
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    clearTimeout(this.#again);
    this.#agent?.dismiss();
    this.#agent = undefined;
    for (const [agent, timer] of this.#retired) {
      clearTimeout(timer);
      agent.dismiss();
    }
    this.#retired.clear();
  }
}
