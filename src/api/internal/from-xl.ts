export { Journal } from '../../journal/journal.js';
export { type FromXlOptions, receiveFromXl } from '../../migration/xl/from-xl.js';
export { connectToSelf } from '../../migration/xl/local-destination.js';
