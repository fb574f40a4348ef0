import { openEmbedded } from '../../../src/toolstack/embedded/open.js';
import { toolstackConformance } from '../../support/toolstack-conformance.js';
import { guest, TempFolder } from './rig.js';

const open = (stays: boolean) => async () => {
  const temp = new TempFolder();
  let guests = 0;
  return {
    toolstack: await openEmbedded(temp.file('host'), { stays }),
    newGuest: () => {
      guests += 1;
      return { domain: guest({ name: `guest-${guests}` }) };
    },
    image: '/srv/plugged.img',
    ready: async () => undefined,
    [Symbol.asyncDispose]: async () => {
      temp[Symbol.dispose]();
    },
  };
};

toolstackConformance('embedded', open(false));
toolstackConformance('embedded, as a daemon holds it', open(true));
