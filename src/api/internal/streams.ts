export { streamInput } from '../../posix/input/unpacked.js';
export { StreamSummarizer, type StreamSummary } from '../../savestream/summary.js';
export { StreamVerifier } from '../../savestream/verify.js';
