import { describe, expect, it } from 'vitest';
import { formatDomainXml } from '../../../src/domain/format.js';
import { checkMovable, migrationBlockers } from '../../../src/domain/movable.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { withoutPasswords } from '../../../src/domain/passwords.js';
import { guest, RICH_HVM } from './definition/guests.js';

describe('what keeps a domain on its host', () => {
  it('F39: is a device of the host', () => {
    expect(migrationBlockers(parseDomainXml(RICH_HVM))).toEqual([
      '/domain/devices/hostdev[1]: a pci device of the host is assigned to the guest',
      '/domain/devices/hostdev[2]: a usb device of the host is assigned to the guest',
      '/domain/devices/hostdev[3]: a usb device of the host is assigned to the guest',
    ]);
    const virtualFunction = "<interface type='hostdev'><source><address type='pci' bus='3'/></source></interface>";
    expect(() => {
      checkMovable(parseDomainXml(guest({ devices: virtualFunction })));
    }).toThrow(expect.objectContaining({ code: 'E_REFUSED_HOST_DEVICE' }));
  });

  it('is not a disk, nor an element that nobody knows', () => {
    checkMovable(parseDomainXml(guest({ more: '<novelty/>', devices: "<disk><target dev='xvda'/></disk><thing/>" })));
  });
});

describe('a domain without passwords', () => {
  it('is the same domain', () => {
    const domain = parseDomainXml(RICH_HVM);
    const bare = formatDomainXml(withoutPasswords(domain));
    expect(formatDomainXml(domain)).toContain("passwd='secret'");
    expect(bare).not.toContain('secret</');
    expect(bare).not.toContain('passwd');
    expect(bare).toBe(formatDomainXml(domain).replace(" passwd='secret'", ''));
  });
});
