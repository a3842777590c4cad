import { describe, expect, test } from 'vitest';
import { toSiitCoreConfig, toSiitLimits } from '../../src/config/core.js';
import { parseConfig } from '../../src/config/file.js';
import type { SiitSection } from '../../src/config/schema.js';
import { ConfigError } from '../../src/errors.js';
import { siitFile } from './configs.js';

const siit = (body: string): SiitSection => siitFile(`siit: { ${body} }`).siit;
const core = (body: string) => toSiitCoreConfig(siit(`${POOL6}, ${body}`), null, null);

function refused(body: string): string {
  try {
    siit(body);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

const POOL6 = 'pool6: "2001:db8:64::/96"';

describe('the siit section', () => {
  test('SIIT-EAM-07, SIIT-SRC-04, SIIT-MTU-11 defaults', () => {
    expect(siit(POOL6)).toMatchObject({ device: 'platypus', workers: 1, pool4: null, eamtFile: null });
    expect(toSiitCoreConfig(siit(POOL6), null, '2001:db8::7')).toEqual({
      mode: 'siit',
      pool6: [{ address: '2001:db8:64::', length: 96 }],
      pool4: [],
      staticBib: [],
      mtu6: 1500,
      mtu4: 1500,
      lowestIpv6Mtu: 1280,
      addressDependentFiltering: { tcp: false, udp: false, icmp: false },
      dropInboundTcp: false,
      allowNonGlobal: false,
      udpZeroChecksum: 'compute',
      trafficClass: null,
      tos: null,
      timeoutsSeconds: {
        udp: 300,
        tcpEstablished: 7200,
        tcpTransitory: 240,
        tcpIncomingSyn: 6,
        icmp: 60,
        fragment: 2,
      },
      mssClamp: 0,
      plateaus: [65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68],
      siit: {
        eamt: null,
        hairpin: 'intrinsic',
        denylist4: [],
        sources4: null,
        eamSources: false,
        rfc6791v4: [],
        rfc6791v6: null,
        rfc6791Pick: 'random',
        rfc6791Extension: 'interface',
      },
      icmpErrors: { ratePerSecond: 1000, burst: 50 },
      icmpSource4: null,
      icmpSource6: '2001:db8::7',
    });
    expect(toSiitLimits(siit(POOL6))).toEqual({
      sessions: 1,
      bib: 1,
      hosts: 1,
      storedSyns: 1,
      reassembly: 256,
      pathMtus: 4096,
    });
  });

  test('every key reaches the core', () => {
    const config = core(
      `hairpin: simple, denylist4: [192.0.2.0/28, 10.0.0.0/8], rfc6791v4Prefix: 198.51.100.0/30,
       rfc6791v6Prefix: "2001:db8:9::/64", rfc6791Pick: hop, rfc6791Extension: node, mtu6: 9000, mtu4: 1400,
       lowestIpv6Mtu: 1400, plateaus: [1500], mssClamp: auto, udpZeroChecksum: reassemble, timeouts: { fragment: 5 },
       allowNonGlobal: true, trafficClass: 0, tos: 4, icmpErrors: { ratePerSecond: 0 }, icmpSource4: 192.0.2.9,
       icmpSource6: "2001:db8::9"`,
    );
    expect(config).toMatchObject({
      mtu6: 9000,
      mtu4: 1400,
      lowestIpv6Mtu: 1400,
      plateaus: [1500],
      mssClamp: 1360,
      udpZeroChecksum: 'reassemble',
      timeoutsSeconds: { fragment: 5 },
      allowNonGlobal: true,
      trafficClass: 0,
      tos: 4,
      icmpErrors: { ratePerSecond: 0, burst: 50 },
      icmpSource4: '192.0.2.9',
      icmpSource6: '2001:db8::9',
      siit: {
        hairpin: 'simple',
        denylist4: [
          { address: '192.0.2.0', length: 28 },
          { address: '10.0.0.0', length: 8 },
        ],
        rfc6791v4: [{ address: '198.51.100.0', length: 30 }],
        rfc6791v6: { address: '2001:db8:9::', length: 64 },
        rfc6791Pick: 'hop',
        rfc6791Extension: 'node',
      },
    });
  });

  test('SIIT-ADDR-22 sources inside pool6 are checked against pool4 unless the operator says otherwise', () => {
    const sources = (body: string) => core(body).siit.sources4;
    expect(sources('hairpin: none')).toBeNull();
    expect(sources('pool4: 192.0.2.0/24')).toEqual([{ address: '192.0.2.0', length: 24 }]);
    expect(sources('pool4: 192.0.2.0/24, sourceCheck: false')).toBeNull();
    expect(sources('sourceCheck: true')).toEqual([]);
  });

  test('pool6 is required: there is no prefix that would be right for all', () => {
    expect(refused('mtu6: 1500')).toMatch(/siit\.pool6: found nothing, expected 1 to 8 IPv6 prefixes/);
  });

  test.each([1, 2, 5, 6])('SIIT-FRM-01 scenario %d is served', (scenario) => {
    expect(siit(`${POOL6}, scenario: ${scenario}`).scenario).toBe(scenario);
  });
  test.each([
    [3, /found 3, expected plat, or scenario 1, 2, 5 or 6: the IPv6 Internet has more hosts .* \(RFC 6144 §2\)$/],
    [4, /found 4, expected scenario 1, 2, 5 or 6: an IPv4 network has no addresses for all/],
    [7, /found 7, .*not all hosts of the IPv6 Internet have an IPv4 address/],
    [8, /found 8, .*IPv4 has no addresses for all/],
  ])('SIIT-FRM-01 scenario %d is refused with its reason', (scenario, pattern) => {
    expect(refused(`${POOL6}, scenario: ${scenario}`)).toMatch(pattern);
  });

  test.each([
    ['pool4: []', /pool4: found an empty list, expected 1 to 1024 IPv4 prefixes/],
    ['pool4: "192.0.2.0/28#5-9"', /pool4/],
    ['pool4: 224.0.0.0/24', /multicast/],
    [
      'pool4: [192.0.2.0/24, 192.0.2.1]',
      /siit\.pool4\[1\]: found 192\.0\.2\.1\/32, expected a prefix that does not overlap/,
    ],
    ['routes: [192.0.2.1/24]', /routes\[0\]: .*such as 192\.0\.2\.0\/24/],
    ['routes: [default]', /routes\[0\]: found "default", expected a prefix/],
    ['routes: [192.0.2.0/24, 192.0.2.0/24]', /routes\[1\]: found 192\.0\.2\.0\/24 again/],
    ['denylist4: ["2001:db8::/64"]', /an IPv4 address or prefix/],
    [`denylist4: [${'10.0.0.1,'.repeat(1025)}]`, /a list of 1025, expected at most 1024/],
    ['rfc6791v4Prefix: 127.0.0.1', /loopback/],
    [`rfc6791v4Prefix: [${'198.51.100.1,'.repeat(17)}]`, /a list of 17, expected at most 16/],
    ['rfc6791v6Prefix: 192.0.2.1', /an IPv6 address or prefix/],
    ['rfc6791Pick: first', /one of random, hop/],
    ['rfc6791Extension: yes', /one of interface, node, none/],
    ['hairpin: full', /one of none, simple, intrinsic/],
    ['udpZeroChecksum: forward', /one of compute, drop, reassemble/],
    ['sourceCheck: 1', /true or false/],
    ['eamtFile: ""', /a path of at most 4096 bytes/],
    ['eamt: x', /siit\.eamt: found "x", expected a list of \{ v4/],
    ['lowestIpv6Mtu: 1501', /siit\.lowestIpv6Mtu: found 1501, expected no more than mtu6 \(1500\)/],
    ['icmpSource4: 127.0.0.1', /siit\.icmpSource4: found 127\.0\.0\.1, expected a unicast address/],
    ['limits: { sessions: 5 }', /siit\.limits\.sessions: unknown key/],
    ['timeouts: { udp: 300 }', /siit\.timeouts\.udp: unknown key/],
    ['timeouts: { fragment: 1 }', /siit\.timeouts\.fragment: found 1/],
    ['filtering: address-dependent', /siit\.filtering: unknown key/],
    ['pool6: []', /pool6/],
    ['workers: 0', /workers: found 0, expected a whole number from 1 to 16/],
    ['workers: 2, cpus: 1', /cpus: found 1 processors, expected 2/],
  ])('%s is refused', (body, pattern) => {
    expect(refused(body.startsWith('pool6') ? body : `${POOL6}, ${body}`)).toMatch(pattern);
  });

  test('SIIT-ADDR-01, SIIT-ADDR-02 a pool6 of another length or with bits in octet u is refused', () => {
    expect(refused('pool6: "2001:db8::/95"')).toMatch(/32, 40, 48, 56, 64 or 96/);
    expect(refused('pool6: "2001:db8:122:344:100::/96"')).toMatch(/bits 64 to 71 are zero/);
    expect(refused('pool6: ["2001:db8::/32", "2001:db8:1::/96"]')).toMatch(/does not overlap/);
  });
});

describe('warnings', () => {
  const EAMT = 'eamt: [{ v4: 192.0.2.1, v6: "2001:db8::1" }]';
  const warnings = (body: string) => parseConfig(`siit: { ${body} }`, 's.yaml').warnings;

  test('none for a table and a prefix of one’s own', () => {
    expect(warnings(`${POOL6}, ${EAMT}`)).toEqual([]);
  });
  test('SIIT-ADDR-15 hosts numbered from 64:ff9b::/96 by pool4', () => {
    expect(warnings('pool6: "64:ff9b::/96", pool4: 100.1.2.0/24')).toEqual([
      'pool4 numbers IPv6 hosts from 64:ff9b::/96, which RFC 6052 §3.1 keeps for IPv4 servers: use a prefix of your own',
    ]);
  });
  test('SIIT-ADDR-15 and by an EAM entry', () => {
    expect(warnings(`${POOL6}, eamt: [{ v4: 192.0.2.1, v6: "64:ff9b::1" }]`)).toEqual([
      expect.stringMatching(/^EAM entries number IPv6 hosts from 64:ff9b::\/96 \(1 of them, first 64:ff9b::1\/128\)/),
    ]);
  });
  test('SIIT-ADDR-17 pool4 with several pool6: only the first shows IPv4 addresses', () => {
    expect(warnings('pool6: ["2001:db8:64::/96", "2001:db8:65::/96"], pool4: 192.0.2.0/24')).toEqual([
      expect.stringMatching(
        /shown in 2001:db8:64::\/96, so number the IPv6 hosts from it and not from 2001:db8:65::\/96/,
      ),
    ]);
  });
  test.each(['10.1.0.0/16', '172.16.0.1', '192.168.0.0/24', '100.64.0.0/24', '100.0.0.0/8'])(
    'SIIT-SRC-02 rfc6791v4Prefix %s is private',
    (prefix) => {
      expect(warnings(`${POOL6}, ${EAMT}, rfc6791v4Prefix: ${prefix}`)).toEqual([
        expect.stringMatching(
          /^rfc6791v4Prefix .*networks that check sources drop its ICMP errors \(RFC 6791 §3\.1\)$/,
        ),
      ]);
    },
  );
  test('SIIT-SRC-02 a public one is not', () => {
    expect(warnings(`${POOL6}, ${EAMT}, rfc6791v4Prefix: 198.51.100.0/24`)).toEqual([]);
  });
  test('SIIT-ADDR-13 allowNonGlobal with 64:ff9b::/96', () => {
    expect(warnings(`pool6: "64:ff9b::/96", ${EAMT}, allowNonGlobal: true`)).toEqual([
      expect.stringMatching(/RFC 6052 §3\.1 forbids/),
    ]);
  });
  test('nothing that is routed on the IPv4 side', () => {
    expect(warnings(POOL6)).toEqual(['neither pool4 nor EAM entries: no IPv4 address is routed to the translator']);
    expect(warnings(`${POOL6}, routes: []`)).toEqual([]);
    expect(warnings(`${POOL6}, eamtFile: x`)).toEqual([]);
  });
});
