import { describe, expect, it } from 'vitest';
import { endingOf } from '../../../../src/operations/watch/ending.js';
import { lifecycleActions } from '../../../../src/domain/lifecycle-actions.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { guestXml } from '../../../support/hosts.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0009';
const actions = { onPoweroff: 'preserve', onReboot: 'rename-restart', onCrash: 'coredump-restart' } as const;

describe('what a stopped guest means', () => {
  it.each([
    ['poweroff', { do: 'act', stopped: 'shutdown', action: 'preserve', reboot: false }],
    ['reboot', { do: 'act', stopped: 'shutdown', action: 'rename-restart', reboot: true }],
    ['crash', { do: 'act', stopped: 'crashed', action: 'coredump-restart', reboot: false }],
    ['suspend', { do: 'nothing' }],
    ['watchdog', { do: 'tell' }],
    ['soft_reset', { do: 'tell' }],
    ['unknown', { do: 'tell' }],
  ] as const)('%s', (reason, ending) => {
    expect(endingOf(reason, actions)).toMatchObject(ending);
  });

  it('is what its XML says; libvirt’s defaults where it says nothing, or what nobody knows', () => {
    const domain = parseDomainXml(guestXml({ uuid: UUID }));
    expect(lifecycleActions(domain)).toEqual({ onPoweroff: 'destroy', onReboot: 'restart', onCrash: 'destroy' });
    const said = guestXml({ uuid: UUID }).replace(
      '<vcpu>',
      '<on_poweroff>preserve</on_poweroff><on_reboot>explode</on_reboot><on_crash>coredump-destroy</on_crash><vcpu>',
    );
    expect(lifecycleActions(parseDomainXml(said, { trust: 'peer' }))).toEqual({
      onPoweroff: 'preserve',
      onReboot: 'restart',
      onCrash: 'coredump-destroy',
    });
  });
});
