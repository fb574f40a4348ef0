import { onHostSuite } from './support/on-host-suite.js';

await onHostSuite('libxl and xl read our configurations', 'libxl-config', 600_000);
