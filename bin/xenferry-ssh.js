#!/usr/bin/env node
// Takes ssh's place for `xl migrate -s xenferry-ssh DOMAIN HOST`.
import { existsSync } from 'node:fs';
const folder = existsSync(new URL('../dist/run/main.js', import.meta.url)) ? '../dist/run' : '../dist/cli';
const { main } = await import(`${folder}/main.js`);
const { relayWords } = await import(`${folder}/relay-words.js`);
process.exitCode = await main(relayWords(process.argv.slice(2)));
