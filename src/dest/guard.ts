/** What has to be undone unless all that follows succeeds. Node 20 has no AsyncDisposableStack. */
export class Guard implements AsyncDisposable {
  #undo: (() => void | Promise<void>)[] = [];

  /** Notes how to undo a step that has been taken. */
  add(undo: () => void | Promise<void>): void {
    this.#undo.push(undo);
  }

  /** Everything has succeeded: nothing is undone. */
  keep(): void {
    this.#undo = [];
  }

  /** Undoes the steps, the last one first. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) await undo();
  }
}
