import { execFile } from 'node:child_process';
import { join } from 'node:path';

/** What a command on a host came to. */
export interface Answer {
  /** 255: ssh itself failed; 124: it took too long. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;
/** ssh's own, beyond what the command may take. */
const SSH_GRACE_MS = 60_000;
const COMMAND_MS = 180_000;

/** The folder that `scripts/lab` keeps this checkout's hosts in. */
function runFolder(): string {
  const folder = process.env.XENFERRY_LAB_RUN;
  if (folder === undefined) throw new Error('these tests are run by scripts/lab test');
  return folder;
}

/** One of the two emulated Xen hosts, over ssh. */
export class LabHost {
  readonly letter: 'a' | 'b';
  readonly name: string;

  constructor(letter: 'a' | 'b') {
    this.letter = letter;
    this.name = `host-${letter}`;
  }

  /** What ssh is to be given before a command. */
  get sshWords(): readonly string[] {
    return ['-F', join(runFolder(), 'ssh/config'), this.name];
  }

  /** Writes a file there. */
  async put(bytes: Uint8Array, path: string, deadlineMs = COMMAND_MS): Promise<void> {
    const { status, stderr } = await this.run(`cat >${quoted(path)}`, deadlineMs, bytes);
    if (status !== 0) throw new Error(`${this.name}: ${path} could not be written: ${stderr}`);
  }

  /** Runs a line of bash there, with this as its input. Never rejects for what the command does. */
  run(command: string, deadlineMs = COMMAND_MS, input?: Uint8Array): Promise<Answer> {
    const seconds = Math.ceil(deadlineMs / 1000);
    const line = `timeout -k 10 ${seconds} bash -c ${quoted(command)}`;
    return new Promise((resolve) => {
      execFile(
        'ssh',
        [...this.sshWords, line],
        { timeout: deadlineMs + SSH_GRACE_MS, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : error.code;
          resolve({ status: typeof code === 'number' ? code : 124, stdout, stderr });
        },
      ).stdin?.end(input);
    });
  }

  /** What a command printed. @throws where it failed, with all that it said */
  async ok(command: string, deadlineMs = COMMAND_MS): Promise<string> {
    const { status, stdout, stderr } = await this.run(command, deadlineMs);
    if (status !== 0) {
      throw new Error(`${this.name}: ${command}\nended with ${status}\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`);
    }
    return stdout;
  }

  /** Names of the domains there, domain 0 left out. */
  async domains(): Promise<string[]> {
    const lines = (await this.ok('xl list')).trim().split('\n').slice(2);
    return lines.map((line) => line.split(/\s+/)[0] ?? '');
  }
}

export const hostA = new LabHost('a');
export const hostB = new LabHost('b');

/** A word for the shell. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
