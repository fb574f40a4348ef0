export { Deadline } from '../../errors/deadline.js';
export { toWire, type WireError } from '../../errors/wire.js';
