// Moves a running domain to another host.
//   node move-domain.mjs URI DOMAIN DESTINATION [TLS-DIR]
import { migrate, MigrationError, openHost, XenferryError } from 'xenferry';

const [uri, domain, destination, tlsDir] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

const host = await openHost({ uri, onWarning: (text) => console.error(`warning: ${text}`) });
try {
  const report = await migrate(host, {
    domain,
    destination,
    tlsDir,
    live: true,
    signal: stop.signal,
    onProgress: (event) => {
      if (event.type === 'phase') console.error(`phase: ${event.phase}`);
    },
  });
  console.log(`${report.domain} runs at ${destination}; it paused for ${Math.round(report.downtimeMs ?? 0)} ms`);
} catch (error) {
  if (!(error instanceof XenferryError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  if (error.hint !== undefined) console.error(error.hint);
  if (error instanceof MigrationError) console.error(`guest: ${error.guest}`);
  process.exitCode = 1;
} finally {
  await host[Symbol.asyncDispose]();
}
