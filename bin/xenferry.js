#!/usr/bin/env node
// An installed xenferry has everything in few files (scripts/bundle.mjs); a checkout has it module by module.
import { existsSync } from 'node:fs';
const bundled = new URL('../dist/run/main.js', import.meta.url);
const isBundled = existsSync(bundled);
if (isBundled) (await import('../dist/run/compile-cache.js')).keepCompiledCode();
const { main } = await import(isBundled ? bundled.href : '../dist/cli/main.js');
process.exitCode = await main(process.argv.slice(2));
