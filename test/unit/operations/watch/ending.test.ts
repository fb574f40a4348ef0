import { describe, expect, it } from 'vitest';
import { endingOf } from '../../../../src/operations/watch/ending.js';
import { lifecycleActions } from '../../../../src/domain/lifecycle-actions.js';
import type { Domain } from '../../../../src/domain/model.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { guestXml } from '../../../support/hosts.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0009';
const actions = {
  onPoweroff: 'preserve',
  onReboot: 'rename-restart',
  onCrash: 'coredump-restart',
  onWatchdog: undefined,
  onSoftReset: undefined,
} as const;

describe('what a stopped guest means', () => {
  it.each([
    ['poweroff', { do: 'act', stopped: 'shutdown', action: 'preserve', reboot: false }],
    ['reboot', { do: 'act', stopped: 'shutdown', action: 'rename-restart', reboot: true }],
    ['crash', { do: 'act', stopped: 'crashed', action: 'coredump-restart', reboot: false }],
    ['suspend', { do: 'nothing' }],
    ['watchdog', { do: 'tell' }],
    ['soft_reset', { do: 'act', action: 'soft-reset', onFailure: 'coredump-restart' }],
    ['unknown', { do: 'tell' }],
  ] as const)('%s', (reason, ending) => {
    expect(endingOf(reason, actions)).toMatchObject(ending);
  });

  it('is what its XML says; libvirt’s defaults where it says nothing, or what nobody knows', () => {
    const domain = parseDomainXml(guestXml({ uuid: UUID }));
    expect(lifecycleActions(domain)).toEqual({
      ...{ onPoweroff: 'destroy', onReboot: 'restart', onCrash: 'destroy' },
      ...{ onWatchdog: undefined, onSoftReset: undefined },
    });
    const said = guestXml({ uuid: UUID }).replace(
      '<vcpu>',
      '<on_poweroff>preserve</on_poweroff><on_reboot>explode</on_reboot><on_crash>coredump-destroy</on_crash><vcpu>',
    );
    expect(lifecycleActions(parseDomainXml(said, { trust: 'peer' }))).toEqual({
      onPoweroff: 'preserve',
      onReboot: 'restart',
      onCrash: 'coredump-destroy',
      onWatchdog: undefined,
      onSoftReset: undefined,
    });
  });

  it('L12: settings for xl say what domain XML has no word for; a definition what libxl leaves out', () => {
    const withSettings = (settings: Record<string, string>): Domain =>
      parseDomainXml(
        guestXml({ uuid: UUID }).replace(
          '</metadata>',
          `<xl:settings xmlns:xl='urn:xenferry:xl:1'>${Object.entries(settings)
            .map(([key, value]) => `<xl:setting key='${key}' value='${value}'/>`)
            .join('')}</xl:settings></metadata>`,
        ),
      );
    const runs = withSettings({ on_poweroff: 'coredump-destroy', on_crash: 'soft-reset', on_watchdog: 'preserve' });
    const said = lifecycleActions(runs);
    expect(said).toEqual({
      ...{ onPoweroff: 'coredump-destroy', onReboot: 'restart', onCrash: 'soft-reset' },
      ...{ onWatchdog: 'preserve', onSoftReset: undefined },
    });
    expect(endingOf('watchdog', said)).toMatchObject({ do: 'act', action: 'preserve', stopped: 'crashed' });
    expect(endingOf('soft_reset', said)).toMatchObject({ action: 'soft-reset', onFailure: 'destroy' });
    const stored = withSettings({ on_soft_reset: 'destroy', on_watchdog: 'destroy' });
    expect(lifecycleActions(runs, stored)).toMatchObject({ onSoftReset: 'destroy', onWatchdog: 'preserve' });
    // Damaged settings say nothing.
    expect(lifecycleActions(withSettings({ on_soft_reset: 'explode' })).onSoftReset).toBeUndefined();
  });
});
