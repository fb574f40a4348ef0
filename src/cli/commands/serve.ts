import { once } from 'node:events';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import type { CommandModule } from 'yargs';
import { AccessRules, RevocationMemory } from '../../api/internal/access.js';
import { SshRules, type SshLogin } from '../../api/internal/ssh.js';
import { laneThreads, MigrationServer } from '../../api/internal/receiving.js';
import { openDestination } from '../../api/internal/connect.js';
import {
  RecoveryLoop,
  DaemonWatch,
  trustedTlsDir,
  RefusalLog,
  type TlsCredentials,
  RECEIVE_SOCKET_PATH,
  listenTls,
} from '../../api/internal/serving.js';
import type { Host } from '../../api/internal/host.js';
import { hasDomainsToWatch } from '../../api/internal/monitor.js';
import { DEFAULT_PORT, parseListen } from '../../api/internal/uris.js';
import { UsageError, messageOf } from '../../api/errors.js';
import { configIn, configOf, readAgain } from '../../api/process/config.js';
import { configFile, type ConfigFile } from '../../api/process/config-file.js';
import { LibvirtServer } from '../../api/internal/libvirt.js';
import { libvirtSockets } from '../libvirt-sockets.js';
import { ControlServer } from '../daemon/control-server.js';
import { SshRendezvous } from '../daemon/ssh-rendezvous.js';
import { ReceiveSocket } from '../daemon/receive-socket.js';
import { DAEMON_SOCKET, uriText } from '../daemon/control-messages.js';
import { migrateOnHost } from '../migrate/on-host.js';
import { startMonitor } from '../../api/process/monitor-starter.js';
import { ownDialerOptions } from '../dialing.js';
import { locationOf, monitorLocation } from '../../api/process/local-host.js';
import { locationOptionsOf } from '../global-options.js';
import { openHost, type GlobalOptions } from '../open.js';
import { printJson, printNote } from '../output.js';
import { StopSignals } from '../stop-signals.js';
import { ownVersion } from '../../api/process/version.js';
import { migrateOptionsOf } from './migrate-options-of.js';

interface ServeOptions extends GlobalOptions {
  listen: string | undefined;
  'tls-dir': string | undefined;
  allow: readonly string[] | undefined;
  'libvirt-socket': string | undefined;
}

export const serveCommand: CommandModule<GlobalOptions, ServeOptions> = {
  command: 'serve',
  describe: 'receive guests from other hosts, until stopped',
  builder: (yargs) =>
    yargs
      .option('listen', {
        type: 'string',
        defaultDescription: `0.0.0.0:${DEFAULT_PORT}`,
        describe: 'HOST:PORT to listen on; port 0: a free one',
      })
      .option('tls-dir', { type: 'string', describe: 'folder with ca.pem, cert.pem and key.pem' })
      .option('allow', {
        type: 'string',
        array: true,
        nargs: 1,
        describe:
          'a host that may send guests, by its certificate; may be repeated; "*": every host of the authority. Default: allow in the configuration, else none',
      })
      .option('libvirt-socket', {
        type: 'string',
        describe: 'PATH at which virsh and other clients of libvirt are answered, and PATH-ro for those that only look',
      })
      .example('$0 serve --tls-dir /etc/xenferry/tls --allow hv1.example', 'listen on every address, port 16520'),
  handler: async (options) => {
    const config = configOf(options);
    const { host: address, port } = parseListen(options.listen ?? config.listen ?? `0.0.0.0:${DEFAULT_PORT}`);
    const tlsDir = options['tls-dir'] ?? config.tlsDir;
    if (tlsDir === undefined) {
      throw new UsageError('E_USAGE_TLS_DIR', 'no folder with the certificates of this host is named', {
        hint: 'Name it with --tls-dir DIR, or as tls_dir in the configuration; `xenferry pki` makes one.',
      });
    }
    const credentials = trustedTlsDir(tlsDir);
    const log = (line: string): void => printNote(`${new Date().toISOString()} ${line}`);
    await using host = await openHost(options, { isWatching: true, stays: true, log });
    const revocations = new RevocationMemory(join(host.stateDir, 'crl-seen.json'));
    const noteRevoked = (read: TlsCredentials): void => {
      const list = revocations.check(tlsDir, read);
      if (list !== undefined) log(`revoked certificates are refused by the list of ${list}`);
    };
    noteRevoked(credentials);
    // The domains outlive this process, and need a watcher then.
    await using _behind = { [Symbol.asyncDispose]: () => leaveMonitor(host, options) };
    using stop = new StopSignals();
    // Without its lock manager a host accepts no guests (S04).
    await host.leases.checkReady(stop.cancel);
    // Before the migration server, which sends its last messages over links in these threads.
    using threads = laneThreads();
    const allowed = (): AccessRules => {
      const { allow, allowRecover } = readAgain(options);
      return new AccessRules(options.allow ?? allow, allowRecover);
    };
    await using migrationServer = new MigrationServer(
      host,
      await host.hello(stop.cancel),
      log,
      allowed(),
      config.keepalive,
    );
    noteWhoMaySend(migrationServer.allowed, log);
    await migrationServer.recover();
    await using watch = new DaemonWatch(host, `xenferry serve (process ${process.pid})`);
    void watch.ready.then(() => log('the domains of this host are watched'));
    // Destinations over ssh need the keys of an operator: `recover`.
    await using _recoveryLoop = new RecoveryLoop(host, {
      reaches: ({ transport }) => transport === 'tls',
      open: (uri) => openDestination(uri, ownDialerOptions(options), () => host.hello(stop.cancel)),
    });
    using rendezvous = new SshRendezvous({ migrationServer, threads, log });
    await using controlServer = await ControlServer.open(join(host.stateDir, DAEMON_SOCKET), {
      version: ownVersion(),
      uri: host.toolstack.uri,
      migrate: (order, session) =>
        migrateOnHost(host, { ...order, 'tls-dir': order['tls-dir'] ?? tlsDir }, session, threads),
      parse: migrateOptionsOf,
      openRendezvous: async ({ peer, login, config: theirs }) => {
        checkLogin(login, [configFile(options), theirs]);
        return await rendezvous.open(peer);
      },
      log,
      abandon: stop.abandon,
    });
    if (controlServer === undefined) log('another daemon already serves the clients of this host');
    using _standing = await openReceiveSocket(host, options, rendezvous, log);
    await using _libvirt = await LibvirtServer.open(host, libvirtSockets(config, options['libvirt-socket']), log);
    using refusals = new RefusalLog(log);
    await using listener = await listenTls({
      host: address,
      port,
      credentials,
      keepalive: config.keepalive,
      onLink: (link) => void migrationServer.accept(link),
      threads: threads && { pool: threads, onLink: (link) => void migrationServer.acceptFramed(link) },
      onRefused: refusals.note,
    });
    using _reload = onHangUp(() => {
      try {
        const rules = allowed();
        const read = trustedTlsDir(tlsDir);
        noteRevoked(read);
        host.peers.replace(configOf(options));
        listener.setCredentials(read);
        migrationServer.allowed = rules;
        noteWhoMaySend(rules, log);
        log(`SIGHUP: certificates read again from ${tlsDir}, with the permissions of hosts and of their guests`);
      } catch (error) {
        log(`SIGHUP: certificates and permissions stay as they are: ${messageOf(error)}`);
      }
    });
    printJson({ listening: `${address}:${listener.port}`, uri: host.toolstack.uri });
    if (!stop.cancel.aborted) await once(stop.cancel, 'abort');
  },
};

/** Logs the effect of an empty `allow`, or of a wildcard in it. */
function noteWhoMaySend(rules: AccessRules, log: (line: string) => void): void {
  if (rules.isOpen) log('every host with a certificate of the authority may send guests, since allow has "*"');
  if (rules.isClosed)
    log(
      'no host may send guests over TLS: name them with --allow NAME, or with allow = ["NAME", ...] in the configuration',
    );
}

/** As in a separate process: a login is checked against the present contents of the files. @throws RefusedError; UsageError */
function checkLogin(login: SshLogin, files: readonly ConfigFile[]): void {
  for (const file of files) new SshRules(configIn(file).allowSsh ?? []).check(login);
}

/** Whether a bare `xenferry receive`, started by sshd for root, would find this daemon. */
function isWhereSshLeads({ toolstack, stateDir }: Host): boolean {
  if (process.getuid?.() !== 0) return false;
  const bare = locationOf({});
  return toolstack.uri === uriText(bare.uri) && resolve(stateDir) === bare.stateDir;
}

/** Without it each login starts a process, which takes longer and is not an error. */
async function openReceiveSocket(
  host: Host,
  options: GlobalOptions,
  rendezvous: SshRendezvous,
  log: (line: string) => void,
): Promise<ReceiveSocket | undefined> {
  try {
    if (!isWhereSshLeads(host)) return undefined;
    return await ReceiveSocket.open(RECEIVE_SOCKET_PATH, {
      user: userInfo().username,
      check: (login) => checkLogin(login, [configFile(options), configFile({})]),
      takeIn: (socket, peer) => {
        log(`an ssh login arrived at ${RECEIVE_SOCKET_PATH}`);
        rendezvous.takeIn(socket, peer);
      },
    });
  } catch (error) {
    log(`each ssh login starts a process: ${messageOf(error)}`);
    return undefined;
  }
}

async function leaveMonitor(host: Host, options: GlobalOptions): Promise<void> {
  if (await hasDomainsToWatch(host, AbortSignal.timeout(host.deadlines.callMs)))
    startMonitor(monitorLocation(locationOptionsOf(options)));
}

/** Handles SIGHUP, until it is disposed. */
function onHangUp(act: () => void): Disposable {
  process.on('SIGHUP', act);
  return { [Symbol.dispose]: () => process.off('SIGHUP', act) };
}
