import { describe, expect, it } from 'vitest';
import { readDnsmasqLeases } from '../../../../src/operations/addresses/dnsmasq-leases.js';
import { readLibvirtStatus } from '../../../../src/operations/addresses/libvirt-status.js';
import { ipv4Subnets, ipv6Subnets, prefixOf } from '../../../../src/operations/addresses/subnets.js';

const MAC = '00:16:3e:00:00:0a';
const lease = (address: string, expiresAt = 0): object => ({
  mac: MAC,
  family: address.includes(':') ? 'ipv6' : 'ipv4',
  address,
  expiresAt,
});

describe('S05: what libvirt writes down', () => {
  it('is read: IPv4, IPv6 by the card or by the client’s number, without an end', () => {
    const text = JSON.stringify(
      [
        {
          'ip-address': '192.168.122.7',
          'mac-address': MAC.toUpperCase(),
          hostname: 'web1',
          'expiry-time': 1_700_000_000,
        },
        { 'ip-address': '2001:db8::7', 'mac-address': MAC, iaid: '4000010', 'server-duid': '00:01', 'expiry-time': 5 },
        { 'ip-address': '2001:db8::8', 'client-id': `00:03:00:01:${MAC}`, 'expiry-time': 6 },
        { 'ip-address': '192.168.122.8', 'mac-address': MAC },
      ],
      null,
      4,
    );
    expect(readLibvirtStatus(text)).toEqual([
      lease('192.168.122.7', 1_700_000_000),
      lease('2001:db8::7', 5),
      lease('2001:db8::8', 6),
      lease('192.168.122.8'),
    ]);
    expect(readLibvirtStatus('\n')).toEqual([]);
  });

  it('entries of another form are passed over, and a file that is no list is none', () => {
    const odd: unknown[] = [
      null,
      7,
      'text',
      [],
      {},
      { 'ip-address': '1.2.3.4' },
      { 'ip-address': '1.2.3.4', 'mac-address': 'aa' },
      { 'ip-address': '1.2.3', 'mac-address': MAC },
      { 'ip-address': 'fe80::1%\u001b[31m', 'mac-address': MAC },
      { 'ip-address': `1.2.3.4${'0'.repeat(1000)}`, 'mac-address': MAC },
      { 'ip-address': '1.2.3.4', 'mac-address': MAC, 'expiry-time': 'soon' },
      { 'ip-address': '1.2.3.4', 'mac-address': MAC, 'expiry-time': -1 },
      { 'ip-address': '1.2.3.4', 'mac-address': MAC, 'expiry-time': 1e300 },
    ];
    expect(readLibvirtStatus(JSON.stringify([...odd, { 'ip-address': '1.2.3.4', 'mac-address': MAC }]))).toEqual([
      lease('1.2.3.4'),
    ]);
    for (const bad of ['{', '{}', '"x"', '[{]', '\u0000']) expect(readLibvirtStatus(bad), bad).toBeUndefined();
  });
});

describe('S05: what dnsmasq writes down', () => {
  it('is read: IPv4 as it is, IPv6 where the client’s number is made of the card’s address', () => {
    const text = [
      `1700000000 ${MAC} 10.0.0.7 web1 01:${MAC}`,
      `0 01-${MAC.toUpperCase()} 10.0.0.8 * *`,
      'duid 00:01:00:01:2c:aa:bb:cc:52:54:00:00:00:01',
      `1700000001 4000010 2001:db8::7 web1 00:01:00:01:2c:aa:bb:cc:${MAC}`,
      `1700000002 T4000011 2001:db8::8 * 00:03:00:01:${MAC.toUpperCase()}`,
      `1700000003 4000012 2001:db8::9 * 00:04:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00`,
      '1700000004 4000013 2001:db8::a * *',
      '',
    ].join('\n');
    expect(readDnsmasqLeases(text)).toEqual([
      lease('10.0.0.7', 1_700_000_000),
      lease('10.0.0.8'),
      lease('2001:db8::7', 1_700_000_001),
      lease('2001:db8::8', 1_700_000_002),
    ]);
  });

  it('odd and long lines are passed over', () => {
    const good = `5 ${MAC} 10.0.0.7 web1 *`;
    const odd = [
      `5 ${MAC} 10.0.0.7 ${'x'.repeat(3000)} *`,
      `-5 ${MAC} 10.0.0.7 web1 *`,
      `5e3 ${MAC} 10.0.0.7 web1 *`,
      `99999999999999999999 ${MAC} 10.0.0.7 web1 *`,
      `5 06-${MAC} 10.0.0.7 web1 *`,
      `5 ${MAC} 10.0.0.700 web1 *`,
      `5 ${MAC} 10.0.0.7 web1`,
      `5 ${MAC} 10.0.0.7 web 1 *`,
      `5 ${MAC}\u001b 10.0.0.7 web1 *`,
      '\u0000\u0000',
    ];
    for (const line of odd) expect(readDnsmasqLeases(line), line).toEqual([]);
    expect(readDnsmasqLeases([...odd, good].join('\n'))).toEqual([lease('10.0.0.7', 5)]);
  });
});

describe('S05: the prefix of an address', () => {
  const ROUTES = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0101A8C0	0003	0	0	0	00000000	0	0	0
virbr0	007AA8C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
virbr0	00000A0A	00000000	0001	0	0	0	0000FFFF	0	0	0
virbr0	00000000	00000000	0001	0	0	0	00000000	0	0	0
virbr0	0005000A	0100000A	0003	0	0	0	00FFFFFF	0	0	0
xenbr0	007AA8C0	00000000	0001	0	0	0	C0FFFFFF	0	0	0
virbr0	xyz
`;
  const ADDRESSES = `20010db8000000000000000000000001 04 40 00 80   virbr0
fe800000000000005054000000000001 04 40 20 80   virbr0
20010db8000000000000000000000001 05 30 00 80   xenbr0
zz 04 40 00 80   virbr0
20010db8000000000000000000000001 04 00 00 80   virbr0
20010db8000000000000000000000001 04 ff 00 80   virbr0
`;

  it.each([
    ['ipv4', '192.168.122.7', 'virbr0', 24],
    ['ipv4', '192.168.122.7', 'xenbr0', 26],
    ['ipv4', '10.10.200.1', 'virbr0', 16],
    ['ipv4', '10.0.5.7', 'virbr0', undefined],
    ['ipv4', '172.16.0.1', 'virbr0', undefined],
    ['ipv6', '2001:db8::7', 'virbr0', 64],
    ['ipv6', '2001:db8:0:7::7', 'xenbr0', 48],
    ['ipv6', '2001:db9::7', 'virbr0', undefined],
    ['ipv4', '192.168.122.7', 'br', undefined],
  ] as const)('%s %s on %s: %s', (family, address, bridge, prefix) => {
    const subnets = [...ipv4Subnets(ROUTES, bridge), ...ipv6Subnets(ADDRESSES, bridge)];
    expect(prefixOf({ family, address }, subnets)).toBe(prefix);
  });
});
