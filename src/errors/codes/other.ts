import { rows } from './row.js';

const ABORTED = rows('AbortedError', 130, {
  E_ABORTED: [
    'The operation was stopped on request, by a signal or `xenferry domjobabort`.',
    'Start it again if the stop was not intended; a guest in migration stays at the source as it was.',
  ],
});

const BUG = rows('InvariantError', 70, {
  E_BUG: [
    'xenferry detected an error in itself.',
    'Report it with the whole message and the log; run `xenferry recover` if a migration was under way.',
  ],
});

/** XML of any kind that the bounded parser refuses. */
const XML = rows('XmlError', 1, {
  E_XML_CHARACTER: [
    'A text holds a character that XML cannot represent.',
    'Remove the character from the name or text that the message shows.',
  ],
  E_XML_DOCTYPE: [
    'The document has a document type declaration, which is not accepted.',
    'Remove the `<!DOCTYPE …>` and replace its entities.',
  ],
  E_XML_ENCODING: [
    'The document is in an encoding other than UTF-8.',
    'Convert it with `iconv -f ENCODING -t UTF-8 FILE`, and declare UTF-8.',
  ],
  E_XML_SYNTAX: [
    'The document is not well-formed XML.',
    'Correct it at the line and column that the message names; `xmllint --noout FILE` checks a file.',
  ],
  E_XML_TOO_DEEP: [
    'The elements of the document are nested more deeply than the limit.',
    'Check that the file is the intended document.',
  ],
  E_XML_TOO_LARGE: [
    'The document is larger than the limit, or has too many elements or attributes.',
    'Check that the file is the intended document.',
  ],
});

const CPU = rows('CpuError', 1, {
  E_CPU_INCOMPATIBLE: [
    'The CPU of the host lacks features that the described CPU has.',
    'Choose another host, or a CPU that all hosts provide: `xenferry cpu-baseline`.',
  ],
});

/** The exit code says where the guest is. */
const MIGRATION = rows('MigrationError', undefined, {
  E_DAEMON_LOST: [
    'The service that was moving the guest ended; its journal says where the guest is.',
    'Start `xenferry serve` again, which settles the migration, or run `xenferry recover`.',
  ],
  E_DAEMON_SILENT: [
    'The service that is moving the guest does not answer.',
    'Check whether `xenferry serve` hangs; look at `xenferry domjobinfo` and `xenferry recover --list`.',
  ],
});

const GENERAL = rows('XenferryError', 1, {
  E_DEMO_FAILED: ['A step of the demonstration failed.', 'Read the output above the message.'],
  E_JOURNAL_DAMAGED: [
    'A line of a migration journal other than the last is damaged, which a crash cannot cause.',
    'Keep the file and report it; look at both hosts with `xl list` before you act on the domain.',
  ],
});

/** Codes outside the large classes. */
export const OTHER_CODES = { ...ABORTED, ...BUG, ...XML, ...CPU, ...MIGRATION, ...GENERAL };
