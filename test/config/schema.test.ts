import { describe, expect, test } from 'vitest';
import { toCoreConfig, toLimits, toThreads } from '../../src/config/core.js';
import { parseConfig } from '../../src/config/file.js';
import type { PlatConfig } from '../../src/config/schema.js';
import { ConfigError } from '../../src/errors.js';
import { platFile } from './configs.js';
import { readVectors } from './vectors.js';

function plat(body: string): PlatConfig {
  return platFile(`plat: { ${body} }`).plat;
}

function refused(body: string): string {
  try {
    plat(body);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

const POOL4 = 'pool4: 100.1.2.0/28';

describe('pool6', () => {
  const vectors = readVectors<{
    vectors: { prefix: string }[];
    reject_prefix_config: { prefix: string; why: string }[];
  }>('rfc6052_embeddings');

  test.each(vectors.reject_prefix_config)('SIIT-ADDR-01, SIIT-ADDR-02 $prefix is refused: $why', ({ prefix }) => {
    expect(refused(`${POOL4}, pool6: "${prefix}"`)).toContain(`found "${prefix}"`);
  });

  test.each([...new Set(vectors.vectors.map(({ prefix }) => prefix))])('SIIT-ADDR-01 %s is accepted', (prefix) => {
    const [first] = toCoreConfig(plat(`${POOL4}, pool6: "${prefix}"`), null).pool6;
    expect(`${first?.address}/${first?.length}`).toBe(prefix);
  });

  test('N64-GEN-12 64:ff9b::/96 without a word', () => {
    expect(toCoreConfig(plat(POOL4), null).pool6).toEqual([{ address: '64:ff9b::', length: 96 }]);
  });
  test('N64-GEN-01 an empty list is refused', () => {
    expect(refused(`${POOL4}, pool6: []`)).toMatch(/expected 1 to 8 IPv6 prefixes/);
  });
  test('a ninth prefix is refused', () => {
    const prefixes = Array.from({ length: 9 }, (_, i) => `"2001:db8:${i}::/96"`);
    expect(refused(`${POOL4}, pool6: [${prefixes}]`)).toMatch(/expected 1 to 8/);
    expect(plat(`${POOL4}, pool6: [${prefixes.slice(1)}]`).pool6).toHaveLength(8);
  });
  test.each(['64:ff9b::/64', '64:ff9b::/32'])(
    'SIIT-ADDR-12 %s is refused: the well-known prefix is a /96',
    (prefix) => {
      expect(refused(`${POOL4}, pool6: "${prefix}"`)).toMatch(/64:ff9b::\/96 itself/);
    },
  );
  test('SIIT-ADDR-14 64:ff9b:1::/48 is accepted', () => {
    expect(plat(`${POOL4}, pool6: "64:ff9b:1::/48"`).pool6).toHaveLength(1);
  });
  test.each(['ff02::/96', 'fe80::/64', '::/96', '::ffff:0:0/96'])('N64-GEN-01 %s is refused: not unicast', (prefix) => {
    expect(refused(`${POOL4}, pool6: "${prefix}"`)).toMatch(/expected a unicast prefix/);
  });
  test.each(['2001:db8::1/96', '2001:db8::', '192.0.2.0/24', 'x', '2001:db8::/96/96'])('"%s" is refused', (prefix) => {
    expect(refused(`${POOL4}, pool6: "${prefix}"`)).toContain('expected');
  });
  test('overlapping prefixes are refused', () => {
    expect(refused(`${POOL4}, pool6: ["2001:db8:1::/96", "2001:db8::/32"]`)).toMatch(
      /plat\.pool6\[1\]: found 2001:db8::\/32, expected a prefix that does not overlap 2001:db8:1::\/96/,
    );
  });
});

describe('pool4', () => {
  test('N64-GEN-01 is required', () => {
    expect(refused('mtu6: 1500')).toMatch(/plat\.pool4: found nothing/);
    expect(refused('pool4: []')).toMatch(/plat\.pool4: found an empty list/);
  });
  test('takes a word, a list of words and mappings; ports are 1024-65535 without a word', () => {
    expect(toCoreConfig(plat('pool4: 100.1.2.3'), null).pool4).toEqual([
      { address: '100.1.2.3', length: 32, portMin: 1024, portMax: 65535 },
    ]);
    expect(
      toCoreConfig(plat('pool4: ["100.1.2.0/28#2000-3000", { prefix: 100.1.3.0/30, ports: 5000 }]'), null).pool4,
    ).toEqual([
      { address: '100.1.2.0', length: 28, portMin: 2000, portMax: 3000 },
      { address: '100.1.3.0', length: 30, portMin: 5000, portMax: 5000 },
    ]);
  });
  test.each([
    ['224.0.0.0/24', /multicast/],
    ['127.0.0.1', /loopback/],
    ['0.0.0.0/0', /0\.0\.0\.0\/8/],
    ['0.1.2.3', /0\.0\.0\.0\/8/],
    ['255.255.255.255', /broadcast/],
    ['100.1.2.1/28', /such as 100\.1\.2\.0\/28/],
    ['2001:db8::/96', /IPv4/],
    ['100.1.2.0/28#9-1', /ports as 1024-65535/],
    ['100.1.2.0/28#', /ports as 1024-65535/],
  ])('%s is refused', (prefix, pattern) => {
    expect(refused(`pool4: "${prefix}"`)).toMatch(pattern);
  });
  test('overlapping entries are refused, wherever they stand', () => {
    expect(refused('pool4: [100.1.2.9, 100.1.3.0/28, 100.1.2.0/24]')).toMatch(
      /plat\.pool4\[2\]: found 100\.1\.2\.0\/24, expected a prefix that does not overlap 100\.1\.2\.9\/32 of plat\.pool4\[0\]/,
    );
  });
  test('N64-GEN-19 more than 4096 addresses in all are refused', () => {
    expect(plat('pool4: 100.1.0.0/20').pool4).toHaveLength(1);
    expect(refused('pool4: [100.1.0.0/20, 100.2.0.0]')).toMatch(/found 4097 addresses in all, expected at most 4096/);
  });
  test('a mapping with an unknown key is refused', () => {
    expect(refused('pool4: [{ prefix: 100.1.2.0/28, port: 5 }]')).toMatch(
      /plat\.pool4\[0\]\.port: unknown key "port", expected ports/,
    );
  });
  test('N64-PORT-19 a set of discontiguous addresses is accepted', () => {
    expect(plat('pool4: [100.1.2.1, 100.1.2.2, 100.1.2.3, 198.41.0.9]').pool4).toHaveLength(4);
  });
});

describe('timeouts', () => {
  test.each([
    ['N64-UDP-06', 'udp', 119, 120],
    ['N64-TCP-24', 'tcpEstablished', 7199, 7200],
    ['N64-TCP-24', 'tcpTransitory', 239, 240],
    ['N64-TCP-10', 'tcpIncomingSyn', 5, 6],
    ['N64-ICMP-05', 'icmp', 59, 60],
    ['N64-FRAG-03', 'fragment', 1, 2],
  ] as const)('%s %s of %d s is refused, of %d s accepted', (_id, key, low, least) => {
    expect(refused(`${POOL4}, timeouts: { ${key}: ${low} }`)).toMatch(
      new RegExp(`plat\\.timeouts\\.${key}: found ${low}`),
    );
    expect(toCoreConfig(plat(`${POOL4}, timeouts: { ${key}: ${least} }`), null).timeoutsSeconds[key]).toBe(least);
  });
  test('N64-UDP-06, N64-ICMP-05 the defaults are the RFCs’', () => {
    expect(plat(POOL4).timeouts).toEqual({
      udp: 300,
      tcpEstablished: 7200,
      tcpTransitory: 240,
      tcpIncomingSyn: 6,
      icmp: 60,
      fragment: 2,
    });
  });
  test('may be written 2h4m', () => {
    expect(plat(`${POOL4}, timeouts: { tcpEstablished: 2h4m }`).timeouts.tcpEstablished).toBe(7440);
  });
});

describe('the rest of plat', () => {
  test('N64-FILT-02, SIIT-4to6-14 defaults', () => {
    const config = plat(POOL4);
    expect(toLimits(config)).toEqual({
      sessions: 1048576,
      bib: 1048576,
      hosts: 131072,
      reassembly: 256,
      storedSyns: 1024,
      pathMtus: 4096,
    });
    expect(toCoreConfig(config, '2001:db8::7')).toMatchObject({
      mode: 'nat64',
      mtu6: 1500,
      mtu4: 1500,
      lowestIpv6Mtu: 1280,
      addressDependentFiltering: { tcp: false, udp: false, icmp: false },
      dropInboundTcp: false,
      allowNonGlobal: false,
      trafficClass: null,
      tos: null,
      icmpErrors: { ratePerSecond: 1000, burst: 50 },
      icmpSource4: null,
      icmpSource6: '2001:db8::7',
    });
    expect(config).toMatchObject({ device: 'platypus', workers: 1 });
  });
  test('SIIT-MTU-11 TCP MSS clamping is off, automatic or fixed', () => {
    const bytes = (text: string) => toCoreConfig(plat(`${POOL4}${text}`), null).mssClamp;
    expect(bytes('')).toBe(0);
    expect(bytes(', mssClamp: off')).toBe(0);
    expect(bytes(', mssClamp: 1360')).toBe(1360);
    expect(bytes(', mssClamp: auto')).toBe(1440);
    expect(bytes(', mssClamp: auto, mtu6: 9000, mtu4: 1400')).toBe(1360);
    expect(bytes(', mssClamp: auto, mtu4: 68')).toBe(536);
  });
  test('SIIT-MTU-04 the plateaus are those of RFC 1191 or the operator’s', () => {
    expect(toCoreConfig(plat(POOL4), null).plateaus).toEqual([
      65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68,
    ]);
    expect(toCoreConfig(plat(`${POOL4}, plateaus: [9000, 1500]`), null).plateaus).toEqual([9000, 1500]);
  });
  test.each([1, 3, 5])('SIIT-FRM-01 scenario %d is served', (scenario) => {
    expect(plat(`${POOL4}, pool6: "2001:db8::/96", scenario: ${scenario}`).scenario).toBe(scenario);
  });
  test.each([
    [2, /found 2, expected siit, or scenario 1, 3 or 5/],
    [4, /neither kind of translator/],
    [6, /found 6, expected siit/],
    [7, /neither kind of translator/],
    [8, /neither kind of translator/],
    [9, /found 9, expected a whole number from 1 to 8/],
  ])('SIIT-FRM-01 scenario %d is refused', (scenario, pattern) => {
    expect(refused(`${POOL4}, scenario: ${scenario}`)).toMatch(pattern);
  });
  test('SIIT-ADDR-18 64:ff9b::/96 is refused for the IPv6 Internet towards an IPv4 network', () => {
    expect(refused(`${POOL4}, scenario: 3`)).toMatch(
      /plat\.scenario: found 3 with pool6 64:ff9b::\/96, expected a pool6 of your own.*RFC 6052 §3\.4/,
    );
    expect(plat(`${POOL4}, pool6: "2001:db8::/96", scenario: 3`).scenario).toBe(3);
  });
  test('N64-FILT-01 filtering for all protocols or for each', () => {
    const filtering = (text: string) =>
      toCoreConfig(plat(`${POOL4}, filtering: ${text}`), null).addressDependentFiltering;
    expect(filtering('address-dependent')).toEqual({ tcp: true, udp: true, icmp: true });
    expect(filtering('{ udp: address-dependent }')).toEqual({ tcp: false, udp: true, icmp: false });
  });
  test('SIIT-4to6-03, SIIT-6to4-02 traffic class and TOS are copied or set', () => {
    expect(plat(`${POOL4}, tos: 0, trafficClass: copy`)).toMatchObject({ tos: 0, trafficClass: null });
  });
  test('workers share out the ports, and each may have a processor', () => {
    expect(plat(`${POOL4}, workers: 2, cpus: [0, 3], subscriberPrefixLength: 56`)).toMatchObject({
      workers: 2,
      cpus: [0, 3],
      subscriberPrefixLength: 56,
    });
    expect(toThreads(plat(`${POOL4}, workers: 2`))).toEqual({ workers: 2, cpus: [], subscriberBits: 64 });
    expect(refused(`${POOL4}, workers: 17`)).toMatch(/workers: found 17, expected a whole number from 1 to 16/);
    expect(refused(`${POOL4}, cpus: [0, 1]`)).toMatch(
      /cpus: found 2 processors, expected 1: one for each of `workers`/,
    );
    expect(refused(`${POOL4}, subscriberPrefixLength: 31`)).toMatch(/found 31, expected .* 32 to 128/);
    expect(refused('pool4: "100.1.2.0/28#1024-1087", workers: 2')).toMatch(
      /pool4\[0\].*found 1024-1087, expected at least 128 ports for 2 workers/,
    );
  });
  test('a CLAT is a translator as well, and there is one at most', () => {
    expect(() => parseConfig(`plat: { ${POOL4} }\nclat: { uplink: eth0 }\n`, 'p.yaml')).toThrow(
      'p.yaml:2:7: clat: found clat beside plat or siit, expected one translator',
    );
  });
  test.each([
    'device: "a/b"',
    'device: ""',
    'device: sixteen-letters-',
    'device: "plat%d"',
    'device: lo',
    'mtu6: 1279',
    'mtu6: 65536',
    'mtu4: 67',
    'mtu4: "1500"',
    'mtu4: 1500.5',
    'lowestIpv6Mtu: 1279',
    'lowestIpv6Mtu: 1501',
    'dropInboundTcp: 1',
    'tos: 256',
    'icmpErrors: { ratePerSecond: -1 }',
    'icmpErrors: { burst: 0 }',
    'icmpSource4: "2001:db8::1"',
    'icmpSource4: 224.0.0.1',
    'icmpSource6: 192.0.2.1',
    'icmpSource6: "::1"',
    'limits: { sessions: 0 }',
    'limits: { pathMtus: 0 }',
    'limits: { pathMtus: 1048577 }',
    'mssClamp: 535',
    'mssClamp: 65476',
    'mssClamp: on',
    'plateaus: []',
    'plateaus: [1500, 1500]',
    'plateaus: [1280, 1500]',
    'plateaus: [67]',
    'plateaus: [65536]',
    'plateaus: 1500',
    'limits: { sessions: 1e12 }',
    'filtering: none',
    'timeouts:',
  ])('%s is refused', (line) => {
    expect(refused(`${POOL4}, ${line}`)).toMatch(/expected/);
  });
});

describe('static BIB', () => {
  const entry = (protocol: string, v6: string, v4: string) => `{ protocol: ${protocol}, v6: "${v6}", v4: "${v4}" }`;
  const bib = (...entries: string[]) => `${POOL4}, staticBib: [${entries}]`;

  test('N64-GEN-07 entries in all three BIBs', () => {
    const text = bib(...['tcp', 'udp', 'icmp'].map((protocol) => entry(protocol, '2001:db8::1#80', '100.1.2.1#80')));
    expect(toCoreConfig(plat(text), null).staticBib[2]).toEqual({
      protocol: 'icmp',
      v6: '2001:db8::1',
      port6: 80,
      v4: '100.1.2.1',
      port4: 80,
    });
  });
  test('outside pool4 is refused', () => {
    expect(refused(bib(entry('tcp', '2001:db8::1#80', '100.1.2.16#80')))).toMatch(
      /100\.1\.2\.16, expected an address of pool4/,
    );
  });
  test('N64-GEN-10 a host inside pool6 is refused', () => {
    expect(refused(bib(entry('tcp', '64:ff9b::1#80', '100.1.2.1#80')))).toMatch(/expected an address outside pool6/);
  });
  test('N64-GEN-03 either side occurs once in a BIB', () => {
    const first = entry('tcp', '2001:db8::1#80', '100.1.2.1#80');
    expect(refused(bib(first, entry('tcp', '2001:db8::2#80', '100.1.2.1#80')))).toMatch(
      /staticBib\[1\]\.v4: found tcp 100\.1\.2\.1#80/,
    );
    expect(refused(bib(first, entry('tcp', '2001:db8::1#80', '100.1.2.2#80')))).toMatch(
      /staticBib\[1\]\.v6: found tcp 2001:db8::1#80/,
    );
  });
  test('port 0 is for ICMP identifiers only', () => {
    expect(refused(bib(entry('udp', '2001:db8::1#0', '100.1.2.1#80')))).toMatch(/found port 0/);
    expect(plat(bib(entry('icmp', '2001:db8::1#0', '100.1.2.1#0'))).staticBib).toHaveLength(1);
  });
  test('more entries than the BIB has room for are refused', () => {
    const two = [1, 2].map((n) => entry('tcp', `2001:db8::${n}#80`, `100.1.2.${n}#80`));
    expect(refused(`${bib(...two)}, limits: { bib: 1 }`)).toMatch(/expected no more than limits\.bib \(1\)/);
  });
});

describe('warnings', () => {
  const warnings = (body: string) => parseConfig(`plat: { ${body} }`, 'p.yaml').warnings;
  test('SIIT-ADDR-13 the well-known prefix beside a pool4 that is not global', () => {
    expect(warnings('pool4: [192.0.2.0/28, 100.1.2.0/28]')).toEqual([
      expect.stringMatching(/^pool4 192\.0\.2\.0\/28 is not global/),
    ]);
  });
  test('SIIT-ADDR-13 allowNonGlobal with the well-known prefix', () => {
    expect(warnings('pool4: 192.0.2.0/28, allowNonGlobal: true')).toEqual([
      expect.stringMatching(/RFC 6052 §3\.1 forbids/),
    ]);
  });
  test('SIIT-ADDR-14 none with a prefix of one’s own', () => {
    expect(warnings('pool6: "2001:db8:64::/96", pool4: 192.0.2.0/28, allowNonGlobal: true')).toEqual([]);
  });
});
