'use strict';
/* Preloaded (`--require`) into a program: names stand for what the file that NAMES_FILE tells says now, {"NAME": "ADDRESS"}. */
const dns = require('node:dns');
const { readFileSync } = require('node:fs');

const { lookup } = dns;
dns.lookup = (name, options, callback) => {
  const done = typeof options === 'function' ? options : callback;
  const address = JSON.parse(readFileSync(process.env.NAMES_FILE, 'utf8'))[name];
  if (address === undefined) lookup(name, options, callback);
  else if (options.all === true) process.nextTick(done, null, [{ address, family: 4 }]);
  else process.nextTick(done, null, address, 4);
};
