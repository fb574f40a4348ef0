import { ProtocolError } from '../../errors/errors.js';

/** A line of `xl list -v`. */
export interface XlRow {
  readonly name: string;
  readonly domid: number;
  readonly paused: boolean;
  readonly uuid: string;
}

/*
 * Name, id, memory, vcpus, six state letters (r b p s c d, or a dash), seconds, UUID, and further columns.
 * Source: Xen, tools/xl/xl_info.c, list_domains.
 */
const ROW =
  /^(.*\S)\s+(\d+)\s+\d+\s+\d+\s+([r-][b-]([p-])[s-][c-][d-])\s+[\d.]+\s+([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b/;

/**
 * What `xl list -v` printed, as far as its lines are understood; headings and warnings are not.
 * @throws ProtocolError `E_PROTOCOL_XL` if domain 0 is not among them: then the list does not prove that a domain is
 * absent
 */
export function parseXlList(text: string): XlRow[] {
  const rows = text.split('\n').flatMap((line) => {
    const match = ROW.exec(line);
    if (match === null) return [];
    return [{ name: match[1], domid: Number(match[2]), paused: match[4] === 'p', uuid: match[5] }];
  });
  if (rows.some((row) => row.domid === 0)) return rows;
  throw new ProtocolError('E_PROTOCOL_XL', 'the list of domains that xl printed cannot be read: no domain 0 in it', {
    hint: 'Run `xl list -v` on that host and check its output.',
    data: { printed: text.slice(0, 500) },
  });
}
