export { type CpuSet, formatCpuSet, parseCpuSet } from '../../domain/cpu-set.js';
export { parseMemoryKiB } from '../../domain/memory.js';
export { type MemoryRequest, setMaxMemory, setMemory } from '../../operations/tuning/memory.js';
export { setScheduling, type ShownScheduling, shownScheduling } from '../../operations/tuning/scheduling.js';
export { countOneVcpus, countVcpus, pinVcpu, setVcpus, vcpuInfos, vcpuPins } from '../../operations/tuning/vcpus.js';
export type { SchedulingChange } from '../../toolstack/toolstack.js';
