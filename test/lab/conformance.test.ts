import { onHostSuite } from './support/on-host-suite.js';

await onHostSuite("libxl keeps the toolstack's promises", 'libxl-conformance', 2_700_000);
