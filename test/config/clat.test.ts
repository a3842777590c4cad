import { describe, expect, test } from 'vitest';
import { networkOf } from '../../src/config/address.js';
import { type ClatConfig, clatDevices, lanRows } from '../../src/config/clat.js';
import { parseConfig } from '../../src/config/file.js';

function parse(section: string): ClatConfig {
  const { config } = parseConfig(`clat: { ${section} }\n`, 'p.yaml');
  if (config.clat === undefined) throw new Error('no clat section');
  return config.clat;
}

describe('clat section', () => {
  test('an uplink alone is enough', () => {
    expect(parse('uplink: eth0')).toMatchObject({
      uplink: ['eth0'],
      mode: 'auto',
      discovery: ['ra', 'dns'],
      pool6: [],
      fallback: [],
      address: { from: 'uplink' },
      device: 'clat',
      ipv4: null,
      metric: null,
      mtu: null,
      mssClamp: 'auto',
      lan: { mode: 'none' },
    });
  });

  test('an address is explicit, or from a delegated /64', () => {
    expect(parse('uplink: eth0, address: "2001:db8::1"').address).toEqual({ from: 'explicit', address: '2001:db8::1' });
    expect(parse('uplink: eth0, address: "2001:db8::/64"').address).toEqual({
      from: 'delegated',
      address: '2001:db8::',
    });
  });

  test('XLAT-ARCH-19 an address is the uplink’s own when asked for, of several uplinks as well', () => {
    expect(parse('uplink: [eth0, eth1], address: shared').address).toEqual({ from: 'shared' });
  });

  test.each([
    ['mode: on', /expected one of auto, off, force/],
    [
      'address: "2001:db8::/56"',
      /found "2001:db8::\/56", expected auto, shared, an IPv6 address, or a delegated IPv6 prefix/,
    ],
    ['address: "2001:db8::1/64"', /expected a prefix without bits after its length, 2001:db8::\/64/],
    ['discovery: []', /clat\.discovery: found no way to a prefix, expected ra, dns, or a prefix in pool6/],
    ['device: eth0', /clat\.device: found eth0, an uplink, expected a name of its own/],
    ['mtu: 1200', /clat\.mtu: found 1200, expected a whole number from 1280/],
    ['resolvers: 192.0.2.1', /clat\.resolvers: found "192\.0\.2\.1", expected an IPv6 address/],
    ['pool6: "2001:db8::/33"', /clat\.pool6: found "2001:db8::\/33", expected a prefix length/],
    ['lan: { mode: prefix, networks: 192.168.1.0/24 }', /clat\.lan\.prefix: found no prefix of 64 or 96 bits/],
    ['lan: { mode: eamt }', /clat\.lan\.eamt: found none/],
    ['lan: { mode: eamt, eamt: [{ v4: 10.0.0.0/8, v6: "2001:db8::/120" }] }', /longer IPv4 suffix than IPv6 suffix/],
  ])('%s is refused', (text, message) => {
    expect(() => parse(`uplink: eth0, ${text}`)).toThrow(message);
  });

  test.each(['address: "2001:db8::1"', 'ipv4: 192.0.0.1', 'metric: 5'])('several uplinks cannot share %s', (text) => {
    expect(() => parse(`uplink: [eth0, eth1], ${text}`)).toThrow(/for several uplinks/);
  });

  test('several uplinks have numbered devices', () => {
    expect(clatDevices(parse('uplink: eth0'))).toEqual(['clat']);
    expect(clatDevices(parse('uplink: [eth0, wlan0]'))).toEqual(['clat0', 'clat1']);
    expect(() => parse('uplink: [eth0, eth0]')).toThrow(/found a device twice/);
  });

  const rows = (lan: string) =>
    lanRows(parse(`uplink: eth0, lan: ${lan}`).lan).map(({ v4, v6 }) => `${networkOf(v4)} ${networkOf(v6)}`);

  test('XLAT-ARCH-02, XLAT-CE-04 LANs with a prefix are numbered by RFC 6052, after 96 bits or after octet u', () => {
    expect(rows('{ mode: prefix, networks: [192.168.1.0/24, 10.9.0.0/16], prefix: "2001:db8:a::/96" }')).toEqual([
      '192.168.1.0/24 2001:db8:a::c0a8:100/120',
      '10.9.0.0/16 2001:db8:a::a09:0/112',
    ]);
    expect(rows('{ mode: prefix, networks: 192.168.1.0/24, prefix: "2001:db8:a:b::/64" }')).toEqual([
      '192.168.1.0/24 2001:db8:a:b:c0:a801::/96',
    ]);
  });

  test('XLAT-ARCH-17 hosts of a LAN have addresses of their own by entries', () => {
    expect(rows('{ mode: eamt, eamt: [{ v4: 192.168.1.10, v6: "2001:db8:a::10" }] }')).toEqual([
      '192.168.1.10/32 2001:db8:a::10/128',
    ]);
  });

  test('force is worth a warning, off as well', () => {
    expect(parseConfig('clat: { uplink: eth0, mode: force }', 'p').warnings).toEqual([
      expect.stringMatching(/^clat\.mode is force/),
    ]);
    expect(parseConfig('clat: { uplink: eth0, mode: off }', 'p').warnings).toEqual([
      expect.stringMatching(/^clat\.mode is off/),
    ]);
  });
});
