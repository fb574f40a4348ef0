#!/usr/bin/env node
// An installed xenferry has everything in few files (scripts/bundle.mjs); a checkout has it module by module.
import { existsSync } from 'node:fs';
const bundled = new URL('../dist/run/main.js', import.meta.url);
const { main } = await import(existsSync(bundled) ? bundled.href : '../dist/cli/main.js');
process.exitCode = await main(process.argv.slice(2));
