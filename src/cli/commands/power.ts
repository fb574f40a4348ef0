import { destroyDomain } from '../../driver/lifecycle/destroy.js';
import { resumeDomain, suspendDomain } from '../../driver/lifecycle/pause.js';
import { simpleVerb } from '../domain-options.js';

export const destroyCommand = simpleVerb({
  verb: 'destroy',
  describe: 'end a domain at once',
  example: 'as pulling its plug',
  done: 'destroyed',
  work: destroyDomain,
});

export const suspendCommand = simpleVerb({
  verb: 'suspend',
  describe: 'pause a domain',
  example: 'its processors stop',
  done: 'suspended',
  work: suspendDomain,
});

export const resumeCommand = simpleVerb({
  verb: 'resume',
  describe: 'let a paused domain run',
  example: 'its processors go on',
  done: 'resumed',
  work: resumeDomain,
});
