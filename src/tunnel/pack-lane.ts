import type { FramedLink, LaneLink } from './lane-link.js';
import { PackedLink } from './packed-link.js';
import { loadPackerModule } from './packing.js';
import type { LinkPacking } from './threads/thread-messages.js';
import { ThreadedLink } from './threads/threaded-link.js';

/**
 * The link as a lane whose DATA is packed: in the thread that holds the link, or here where this one does. Call it
 * before `open` or `answer`.
 */
export async function packLane(link: FramedLink, packing: LinkPacking): Promise<LaneLink> {
  if (packing.out === undefined && packing.in === undefined) return link;
  if (link instanceof ThreadedLink) {
    link.pack(packing);
    return link;
  }
  const packer = packing.out && (await loadPackerModule(packing.out)).makePacker(packing.out.options);
  const unpacker = packing.in && (await loadPackerModule(packing.in)).makeUnpacker(packing.in.options);
  return new PackedLink(link, packer, unpacker);
}
