// Prints what happens to the domains of a host, until it is stopped.
//   node watch-events.mjs [URI [DOMAIN]]
import { isMissed, openHost, watchEvents } from 'xenferry';

const [uri, domain] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());

const host = await openHost({ uri });
try {
  const events = await watchEvents(host, { domain, signal: stop.signal });
  console.error('watching');
  for await (const event of events) {
    if (isMissed(event)) console.log(`${event.missed} events were missed`);
    else if (event.what.type !== 'lifecycle') console.log(`${event.at} ${event.domain}: ${event.what.type}`);
    else console.log(`${event.at} ${event.domain}: ${event.what.change.event}, ${event.what.change.detail}`);
  }
} finally {
  await host[Symbol.asyncDispose]();
}
