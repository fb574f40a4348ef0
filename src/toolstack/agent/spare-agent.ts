import { Agent, type AgentOptions } from './agent.js';

/** Pause after a transfer, before the agent for the next one is started. */
const AGAIN_MS = 3_000;
/**
 * Delay before a finished agent is ended: ending a process takes time while a guest may be waiting to run, or its copy
 * to be destroyed.
 */
const RETIRE_MS = 2_500;

/** An agent that waits for its call: a long-lived process starts one ahead, so that no guest waits for its start. */
export class SpareAgent implements Disposable {
  #agent: Agent | undefined;
  #again: NodeJS.Timeout | undefined;
  readonly #retired = new Map<Agent, NodeJS.Timeout>();
  #ended = false;

  /** @param ready work that the agent can do in advance */
  constructor(
    private readonly options: AgentOptions,
    private readonly ready: (agent: Agent) => Promise<unknown>,
  ) {
    this.#start();
  }

  /** The agent, now owned by the caller; undefined if there is none. */
  take(what: string): Agent | undefined {
    const agent = this.#agent;
    this.#agent = undefined;
    if (agent === undefined || agent.isDead) return undefined;
    agent.assign(what);
    return agent;
  }

  /** Called at the end of a transfer: starts another agent soon. */
  again(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#start(), AGAIN_MS).unref();
  }

  /** Takes ownership of an agent whose work is done, and ends it shortly after. */
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
    // An agent that fails at this is not used.
    this.ready(agent).catch(() => {
      if (this.#agent !== agent) return; // it has been taken, and its owner notices
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
