// A host's xl, as far as a migration needs it, on an embedded host of ours.
//   fake-xl.mjs URI MODE list -v | migrate-receive [-p]
// MODE `works` receives with xenferry itself; the others are an xl that breaks off at one step.
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { SaveStreamParser } from '../../dist/savestream/parser.js';

const [uri, mode, verb, ...rest] = process.argv.slice(2);
const program = new URL('../../bin/xenferry.js', import.meta.url).pathname;

if (verb === 'list') {
  const { stdout } = spawnSync(process.execPath, [program, '-c', uri, 'list', '--json'], { encoding: 'utf8' });
  process.stdout.write('Name                                        ID   Mem VCPUs\tState\tTime(s)   UUID\n');
  process.stdout.write(
    'Domain-0                                     0  1024     1     r-----      12.3 00000000-0000-0000-0000-000000000000\n',
  );
  for (const { name, id, uuid, state } of JSON.parse(stdout)) {
    const letters = state === 'running' ? 'r-----' : '--p---';
    process.stdout.write(
      `${name.padEnd(40)} ${String(id).padStart(5)}    32     1     ${letters}       1.0 ${uuid}            - none\n`,
    );
  }
} else if (verb === 'migrate-receive' && mode === 'works') {
  const { status } = spawnSync(process.execPath, [program, '-c', uri, 'migrate-receive', ...rest], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} else if (verb === 'migrate-receive') {
  process.stderr.write('xl: something is wrong with this host\n');
  const say = (text) => new Promise((done) => process.stdout.write(text, done));
  await say('xl migration receiver ready, send binary domain data.\n');
  let head = Buffer.alloc(0);
  let skipped = false;
  let told = Buffer.alloc(0);
  const parser = new SaveStreamParser();
  for await (const chunk of process.stdin) {
    let data = chunk;
    if (!skipped) {
      head = Buffer.concat([head, chunk]);
      if (head.length < 48 || head.length < 48 + head.readUInt32LE(44)) continue;
      data = head.subarray(48 + head.readUInt32LE(44));
      skipped = true;
    }
    if (parser.isComplete) told = Buffer.concat([told, data]);
    else parser.push(data);
    if (mode === 'dies-in-stream' && parser.offset > 1_000_000) process.exit(1);
    if (parser.isComplete && told.length === 0) {
      if (mode === 'dies-before-ready') process.exit(1);
      await say('domain received, ready to unpause\0');
    }
    if (told.toString('latin1') === 'domain is yours, you are cleared to unpause\0') {
      if (mode === 'dies-after-go') process.exit(1);
      await say('my copy unpause results are as follows\0');
      await say(Buffer.of(3));
      await say('domain is yours, you are cleared to unpause\0');
      process.exit(0);
    }
  }
} else {
  process.exitCode = 1;
}
