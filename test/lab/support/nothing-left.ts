import { afterEach, beforeEach, expect } from 'vitest';
import { hostA, hostB } from './lab-host.js';
import { remains, settledRemains } from './remains.js';

/** After each test its guests are destroyed, and both hosts must be as they were before it, however it went. */
export function nothingLeft(): void {
  const before = new Map<string, readonly string[]>();
  beforeEach(async () => {
    for (const host of [hostA, hostB]) before.set(host.name, await remains(host));
  });
  afterEach(async () => {
    for (const host of [hostA, hostB]) {
      for (const name of await host.domains()) await host.run(`xl destroy ${name}`);
    }
    // No domain, xenstore node, program, descriptor of a daemon, or file stays behind.
    for (const host of [hostA, hostB]) {
      const was = before.get(host.name) ?? [];
      expect(await settledRemains(host, was)).toEqual(was);
    }
  });
}
