// Moves every domain of a host to others, largest first, after it has printed the plan.
//   node empty-host.mjs URI TLS-DIR DESTINATION...
import { evacuate, openHost, planEvacuation } from 'xenferry';

const [uri, tlsDir, ...to] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

const host = await openHost({ uri });
try {
  const options = { to, tlsDir, live: true, signal: stop.signal };
  const { routes } = await planEvacuation(host, options);
  for (const { leaver, destinations } of routes) console.log(`plan: ${leaver.name} to ${destinations[0]}`);
  const { domains, left } = await evacuate(host, {
    ...options,
    onWarning: (text) => console.error(`warning: ${text}`),
  });
  for (const { name, result, destination = '-', reasons } of domains) {
    console.log(`${name}: ${result} ${destination}`);
    for (const { code, message } of reasons) console.error(`  ${code}: ${message}`);
  }
  if (left.length > 0) {
    console.error(`still here: ${left.join(', ')}`);
    process.exitCode = 1;
  }
} finally {
  await host[Symbol.asyncDispose]();
}
