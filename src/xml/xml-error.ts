import { CodedError } from '../errors/errors.js';

/** A document that is not well-formed, too large, or uses a construct that is not accepted: `E_XML_*`. */
export class XmlError extends CodedError {}
