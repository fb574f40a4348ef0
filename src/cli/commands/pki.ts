import type { CommandModule } from 'yargs';
import {
  AUTHORITY_DAYS,
  initAuthority,
  HOST_DAYS,
  issueCertificate,
  renewCertificate,
  revokeCertificate,
  showAuthority,
  showCertificate,
  type CertificateReport,
} from '../../api/internal/pki.js';
import { printJson, printLine } from '../output.js';

interface JsonOption {
  json: boolean;
}

interface AuthorityOption extends JsonOption {
  dir: string;
}

const json = { type: 'boolean', default: false, describe: 'print one JSON object' } as const;
const dir = { type: 'string', demandOption: true, describe: "the authority's folder" } as const;

interface InitArguments extends AuthorityOption {
  name: string;
  days: number;
  force: boolean;
}

const initCommand: CommandModule<object, InitArguments> = {
  command: 'init',
  describe: 'make an authority that signs certificates of hosts',
  builder: (yargs) =>
    yargs
      .option('json', json)
      .option('dir', dir)
      .option('name', { type: 'string', default: 'xenferry authority', describe: 'its name in certificates' })
      .option('days', { type: 'number', default: AUTHORITY_DAYS, describe: 'days for which it is valid' })
      .option('force', { type: 'boolean', default: false, describe: 'replace an existing authority' })
      .example('$0 pki init --dir ./ca', 'then keep ./ca off the hosts'),
  handler: async (options) => {
    const { name, days, force } = options;
    print(await initAuthority(options.dir, { name, days, force }), options);
  },
};

interface IssueArguments extends AuthorityOption {
  host: string[];
  out: string;
  days: number;
  force: boolean;
}

const issueCommand: CommandModule<object, IssueArguments> = {
  command: 'issue',
  describe: 'make a key and a certificate for one host',
  builder: (yargs) =>
    yargs
      .option('json', json)
      .option('dir', dir)
      .option('host', {
        type: 'string',
        array: true,
        nargs: 1,
        demandOption: true,
        describe: 'a name or address by which it is dialled; may be repeated',
      })
      .option('out', { type: 'string', demandOption: true, describe: 'folder for ca.pem, cert.pem and key.pem' })
      .option('days', { type: 'number', default: HOST_DAYS, describe: 'days for which it is valid' })
      .option('force', { type: 'boolean', default: false, describe: 'replace a certificate in the folder' })
      .example('$0 pki issue --dir ./ca --host xen2.example --host 192.0.2.7 --out ./xen2', 'copy ./xen2 to that host'),
  handler: async (options) => {
    const { host: hosts, out, days, force } = options;
    print(await issueCertificate(options.dir, { hosts, out, days, force }), options);
  },
};

interface ShowArguments extends JsonOption {
  path: string | undefined;
  dir: string | undefined;
}

const showCommand: CommandModule<object, ShowArguments> = {
  command: 'show [path]',
  describe: 'print a certificate, or an authority with all certificates it has issued',
  builder: (yargs) =>
    yargs
      .positional('path', { type: 'string', describe: "a certificate or a host's folder" })
      .option('json', json)
      .option('dir', { type: 'string', describe: "the authority's folder" })
      .check((options) => {
        if ((options.path === undefined) !== (options.dir === undefined)) return true;
        throw new Error('Give either PATH or --dir DIR.');
      }),
  handler: (options) => {
    if (options.path !== undefined) print(showCertificate(options.path), options);
    if (options.dir === undefined) return;
    const shown = showAuthority(options.dir);
    if (options.json) {
      printJson(shown);
      return;
    }
    print(shown.authority, options);
    for (const report of shown.issued) {
      printLine('');
      print(report, options);
    }
  },
};

interface RenewArguments extends AuthorityOption {
  target: string;
  days: number;
}

const renewCommand: CommandModule<object, RenewArguments> = {
  command: 'renew <target>',
  describe: 'replace a certificate by one that ends later, for the same key and names',
  builder: (yargs) =>
    yargs
      .positional('target', { type: 'string', demandOption: true, describe: "a host's folder or its cert.pem" })
      .option('json', json)
      .option('dir', dir)
      .option('days', { type: 'number', default: HOST_DAYS, describe: 'days for which it is valid' }),
  handler: (options) => {
    print(renewCertificate(options.dir, options.target, { days: options.days }), options);
  },
};

interface RevokeArguments extends AuthorityOption {
  target: string;
}

const revokeCommand: CommandModule<object, RevokeArguments> = {
  command: 'revoke <target>',
  describe: 'revoke a certificate, with all others of its key, and write a new crl.pem',
  builder: (yargs) =>
    yargs
      .positional('target', {
        type: 'string',
        demandOption: true,
        describe: "a host's folder, its cert.pem, a serial or a host name",
      })
      .option('json', json)
      .option('dir', dir),
  handler: (options) => {
    const { revoked, crl } = revokeCertificate(options.dir, options.target);
    if (options.json) {
      printJson({ revoked, crl });
      return;
    }
    for (const report of revoked) {
      print(report, options);
      printLine('');
    }
    printLine(`Now copy ${crl} next to ca.pem on every host, and send SIGHUP to xenferry serve there.`);
  },
};

/** `xenferry pki`: the authority and the certificates for xen+tls://. */
export const pkiCommand: CommandModule = {
  command: 'pki',
  describe: 'manage the certificates for xen+tls://',
  builder: (yargs) =>
    yargs
      .command(initCommand)
      .command(issueCommand)
      .command(showCommand)
      .command(renewCommand)
      .command(revokeCommand)
      .demandCommand(1, 'Name a command: init, issue, show, renew or revoke.')
      .strict(),
  handler: () => undefined, // yargs runs one of the above
};

function print(report: CertificateReport, options: JsonOption): void {
  if (options.json) {
    printJson(report);
    return;
  }
  printLine(`Subject:     ${report.subject}`);
  printLine(`Issuer:      ${report.issuer}`);
  printLine(`Role:        ${report.role}`);
  if (report.hosts.length > 0) printLine(`Good for:    ${report.hosts.join(', ')}`);
  printLine(`Valid:       ${report.validFrom} to ${report.validTo} (${report.state})`);
  printLine(`Serial:      ${report.serial}`);
  printLine(`SHA-256:     ${report.sha256}`);
}
