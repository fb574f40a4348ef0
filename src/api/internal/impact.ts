export type { ImpactFlags } from '../../operations/definition/impact.js';
