export { baselineCpu } from '../../domain/cpu/baseline-cpu.js';
export { compareCpu, type Comparison } from '../../domain/cpu/compare-cpu.js';
export { incompatible, remedyOf } from '../../domain/cpu/cpu-error.js';
export { type DescribedCpu, MAX_CPU_FILE_BYTES, readCpus } from '../../domain/cpu/described-cpu.js';
export { writeCpu } from '../../domain/definition/cpu.js';
export { needReportedCpu } from '../../host/capabilities/host-cpu.js';
export { formatXml } from '../../xml/format.js';
