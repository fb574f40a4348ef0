export { printable, printableDocument, printableJson } from '../../errors/printable.js';
