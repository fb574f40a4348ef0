#!/usr/bin/env node
// Takes ssh's place for `xl migrate -s xenferry-ssh DOMAIN HOST`.
import { main } from '../dist/cli/main.js';
import { relayWords } from '../dist/cli/relay-words.js';
process.exitCode = await main(relayWords(process.argv.slice(2)));
