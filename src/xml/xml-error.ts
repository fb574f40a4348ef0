import { CodedError } from '../errors/errors.js';

/** A document that is not well-formed, or too large, or uses what is not allowed here: `E_XML_*`. */
export class XmlError extends CodedError {}
