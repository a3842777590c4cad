import { describe, expect, test } from 'vitest';
import { knownPrefix } from '../../src/config/address.js';
import type { AnnounceConfig } from '../../src/config/announce.js';
import { parseConfig } from '../../src/config/file.js';
import { matchesAny } from '../../src/config/prefix-pattern.js';

const PLAT = 'plat: { pool6: "2001:db8:64::/96", pool4: 192.0.2.0/28 }\n';
const NEIGHBOR = 'neighbor: 203.0.113.1, remoteAs: 65001, localAs: 65002';

function load(announce: string, before = PLAT) {
  return parseConfig(`${before}announce: ${announce}\n`, 'a.yaml');
}

function read(announce: string, before = PLAT): AnnounceConfig {
  const found = load(announce, before).config.announce;
  if (found === undefined) throw new Error('no announce section');
  return found;
}

function neighbor(keys: string) {
  const [found] = read(`{ bgp: [ { ${NEIGHBOR}, ${keys} } ] }`).bgp;
  if (found === undefined) throw new Error('no neighbour');
  return found;
}

function ospf(keys: string) {
  const found = read(`{ ospf: { interface: eth1, ${keys} } }`).ospf;
  if (found === null) throw new Error('no ospf');
  return found;
}

const refusal = (announce: string, before = PLAT) => {
  try {
    load(announce, before);
  } catch (error) {
    return (error as Error).message;
  }
  return null;
};

describe('what is announced', () => {
  test('the pools of the translator unless told', () => {
    expect(read(`{ bgp: [ { ${NEIGHBOR} } ] }`).prefixes).toEqual([{ kind: 'pool4' }, { kind: 'pool6' }]);
  });

  test('BGP-UPD-16 a part of the well-known prefix is refused', () => {
    expect(refusal(`{ prefixes: "64:ff9b::/97", bgp: [ { ${NEIGHBOR} } ] }`)).toBe(
      'a.yaml:2:23: announce.prefixes: found 64:ff9b::/97, which is a part of 64:ff9b::/96 (RFC 6052 §3.2), expected a network of your own',
    );
  });

  test('OSPF-V3LSA-18 BGP-UPD-16 the well-known prefix itself towards another AS is worth a warning', () => {
    const announce = `{ prefixes: "64:ff9b::/96", bgp: [ { neighbor: "2001:db8::1", remoteAs: 65001, localAs: 65002, export: all } ] }`;
    expect(load(announce).warnings).toContain(
      'announce.bgp 2001:db8::1: 64:ff9b::/96 goes to another AS, which should only be by agreement (RFC 6052 §3.2)',
    );
  });

  test.each([
    ['0.0.0.0/0', 'is the default route'],
    ['127.1.0.0/16', 'is loopback'],
    ['225.0.0.0/8', 'is multicast or reserved'],
    ['fe80::/64', 'is link-local'],
  ])('BGP-UPD-17 OSPF-V3LSA-12 %s is refused', (prefix, why) => {
    expect(refusal(`{ prefixes: "${prefix}", bgp: [ { ${NEIGHBOR} } ] }`)).toContain(`found ${prefix}, which ${why}`);
  });

  test('BGP-UPD-17 host bits are refused with the network that was meant', () => {
    expect(refusal(`{ prefixes: 198.51.100.7/24, bgp: [ { ${NEIGHBOR} } ] }`)).toContain(
      'expected no bits after the prefix length, such as 198.51.100.0/24',
    );
  });

  test('pools need a translator', () => {
    expect(refusal(`{ bgp: [ { ${NEIGHBOR} } ] }`, '')).toContain(
      'found pool4 without a translator, expected prefixes such as 192.0.2.0/28',
    );
    expect(read(`{ prefixes: 192.0.2.0/28, bgp: [ { ${NEIGHBOR} } ] }`, '').prefixes).toEqual([
      { kind: 'prefix', prefix: knownPrefix('192.0.2.0/28') },
    ]);
  });

  test('a section that tells nobody is refused', () => {
    expect(refusal('{}')).toContain('found neither bgp nor ospf, expected one of them');
  });
});

describe('prefix lists', () => {
  const matches = (pattern: string, prefix: string) => {
    const exported = neighbor(`export: [ "${pattern}" ]`).export;
    return exported !== null && exported !== 'all' && matchesAny(exported, knownPrefix(prefix));
  };

  test.each([
    ['192.0.2.0/28', '192.0.2.0/28', true],
    ['192.0.2.0/28', '192.0.2.0/29', false],
    ['192.0.2.0/28', '192.0.2.0/27', false],
    ['in 192.0.2.0/28 ge 28 le 32', '192.0.2.0/28', true],
    ['in 192.0.2.0/28 ge 28 le 32', '192.0.2.15/32', true],
    ['in 192.0.2.0/28 ge 28 le 32', '192.0.2.16/32', false],
    ['in 192.0.2.0/28 ge 29 le 30', '192.0.2.0/28', false],
    ['192.0.2.0/28 ge 30', '192.0.2.4/32', true],
    ['192.0.2.0/28 le 30', '192.0.2.0/28', true],
    ['192.0.2.0/28 le 30', '192.0.2.0/31', false],
    ['0.0.0.0/0', '0.0.0.0/0', true],
    ['0.0.0.0/0', '10.0.0.0/8', false],
    ['::/0 le 48', '2001:db8::/48', true],
    ['::/0 le 48', '192.0.2.0/28', false],
  ])('"%s" and %s: %s', (pattern, prefix, expected) => {
    expect(matches(pattern, prefix)).toBe(expected);
  });

  test.each(['192.0.2.0/28 ge 27', '192.0.2.0/28 ge 30 le 29', '192.0.2.0/28 le 33', '192.0.2.1/28', 'ge 28'])(
    '"%s" is refused',
    (pattern) => {
      expect(() => neighbor(`export: [ "${pattern}" ]`)).toThrow('a.yaml:2');
    },
  );
});

describe('a BGP neighbour', () => {
  test('BGP-FSM-02 BGP-OPEN-06 BGP-UPD-13 the defaults are the RFC’s', () => {
    expect(neighbor('')).toMatchObject({
      name: '203.0.113.1',
      port: 179,
      holdTimeSeconds: 90,
      connectRetrySeconds: 120,
      advertisementIntervalSeconds: 30,
      families: [4],
      export: null,
      import: null,
    });
    expect(read('{ bgp: { neighbor: 203.0.113.1, remoteAs: 65001, localAs: 65001 } }').bgp[0]).toMatchObject({
      advertisementIntervalSeconds: 5,
    });
  });

  test('BGP-SEC-06 without export nothing is announced, and that is said', () => {
    expect(load(`{ bgp: [ { ${NEIGHBOR} } ] }`).warnings).toContain(
      'announce.bgp 203.0.113.1 has no export: nothing is announced to it (RFC 8212)',
    );
  });

  test.each([1, 2])('BGP-OPEN-02 a hold time of %i s is refused', (seconds) => {
    expect(() => neighbor(`holdTime: ${seconds}`)).toThrow('expected 0 or at least 3 seconds (RFC 4271 §4.2)');
  });

  test('BGP-MP-06 IPv6 over an IPv4 session needs its next hop', () => {
    expect(() => neighbor('families: [ipv4, ipv6]')).toThrow('expected the next hop of IPv6 routes');
    expect(neighbor('nextHop6: "2001:db8::2"').families).toEqual([4, 6]);
  });

  test('BGP-UPD-06 the neighbour itself is no next hop', () => {
    expect(() => neighbor('nextHop4: 203.0.113.1')).toThrow('found 203.0.113.1, the neighbour itself');
  });

  test.each([23_456, 0, 4_294_967_295, '"1.65536"'])('BGP-AS4-08 BGP-OPEN-08 AS %s is refused', (asn) => {
    expect(() => read(`{ bgp: [ { neighbor: 203.0.113.1, remoteAs: 65001, localAs: ${asn} } ] }`)).toThrow(
      'expected an AS number',
    );
  });

  test('AS numbers may have a dot, and the section’s own is the default', () => {
    const [first] = read('{ localAs: "64086.59904", bgp: [ { neighbor: 203.0.113.1, remoteAs: 1 } ] }').bgp;
    expect(first?.localAs).toBe(4_200_000_000);
    expect(() => read('{ bgp: [ { neighbor: 203.0.113.1, remoteAs: 1 } ] }')).toThrow(
      'expected localAs here or in announce',
    );
  });

  test('BGP-COM-01 BGP-COM-02 communities by name, as pairs and triples, each once', () => {
    const { attributes } = neighbor('communities: [ no-export, "65001:100", "65001:100", "65001:1:2", "65001:1:2" ]');
    expect(attributes.communities).toEqual([0xfde9_0064, 0xffff_ff01]);
    expect(attributes.largeCommunities).toEqual([[65_001, 1, 2]]);
    expect(() => neighbor('communities: [ "65001:01" ]')).toThrow('expected a community');
    expect(() => neighbor('communities: [ "65536:1" ]')).toThrow('expected a community');
  });

  test('BGP-COM-04 lowered is less preferred by every measure, and may be said', () => {
    expect(neighbor('med: 50, prepend: 1').lowered).toEqual({
      med: 1050,
      localPref: 50,
      prepend: 4,
      communities: [0xffff_0000],
      largeCommunities: [],
    });
    expect(neighbor('lowered: { med: 7, communities: [] }').lowered).toMatchObject({ med: 7, communities: [] });
  });

  test('a role belongs to external neighbours', () => {
    expect(refusal('{ bgp: [ { neighbor: 203.0.113.1, remoteAs: 1, localAs: 1, role: peer } ] }')).toContain(
      'expected none (RFC 9234 §4.1)',
    );
  });

  test('a link-local neighbour needs its interface', () => {
    const link = 'neighbor: "fe80::1", remoteAs: 65001, localAs: 65002';
    expect(refusal(`{ bgp: [ { ${link} } ] }`)).toContain('expected the interface on which fe80::1 is');
    expect(read(`{ bgp: [ { ${link}, interface: eth0 } ] }`).bgp[0]?.interface).toBe('eth0');
  });

  test('BFD by a word or a section', () => {
    expect(neighbor('bfd: true').bfd).toEqual({ intervalMs: 300, multiplier: 3, strict: false });
    expect(neighbor('bfd: { interval: 50ms }').bfd).toEqual({ intervalMs: 50, multiplier: 3, strict: false });
    expect(() => neighbor('bfd: { interval: 5ms }')).toThrow('expected a duration such as 50ms or 3s, from 10ms');
    expect(() => neighbor('bfd: yes')).toThrow('expected true, false, or { interval, multiplier, strict }');
    expect(neighbor('bfd: false').bfd).toBeNull();
  });

  test('an import names what is accepted and where it goes', () => {
    const { import: wanted } = neighbor(
      'import: { prefixes: [ 0.0.0.0/0, "44.0.0.0/9 le 32" ], table: 44, check: { ping: 198.51.100.1 } }',
    );
    expect(wanted).toMatchObject({
      table: 44,
      metric: 1000,
      check: { kind: 'ping', address: '198.51.100.1', everyMs: 2000, timeoutMs: 1000, down: 3, up: 2 },
    });
    expect(() => neighbor('import: { table: 44 }')).toThrow('announce.bgp[0].import.prefixes');
  });

  test('names are unique', () => {
    expect(refusal(`{ bgp: [ { ${NEIGHBOR} }, { ${NEIGHBOR} } ] }`)).toContain(
      'announce.bgp[1]: found a second neighbour 203.0.113.1, expected another name',
    );
  });
});

describe('OSPF', () => {
  test('OSPF-HELLO-02 OSPF-HELLO-08 OSPF-V3-13 the defaults are the RFC’s', () => {
    expect(ospf('area: 0.0.0.0, cost: 10').interfaces).toEqual([
      {
        name: 'eth1',
        area: '0.0.0.0',
        type: 'broadcast',
        cost: 10,
        priority: 0,
        helloSeconds: 10,
        deadSeconds: 40,
        retransmitSeconds: 5,
        transmitDelaySeconds: 1,
        mtuIgnore: false,
        instanceId: 0,
        authentication2: { type: 'none' },
        authentication3: { type: 'none' },
        bfd: null,
      },
    ]);
  });

  test('what the section says holds for interfaces that say nothing', () => {
    const found = read('{ ospf: { interfaces: [ eth1, { name: eth2, cost: 5 } ], cost: 20, type: point-to-point } }');
    expect(found.ospf?.interfaces.map(({ name, cost, type }) => [name, cost, type])).toEqual([
      ['eth1', 20, 'point-to-point'],
      ['eth2', 5, 'point-to-point'],
    ]);
  });

  test('OSPF-LSA-19 a cost of 0 is refused', () => {
    expect(() => ospf('cost: 0')).toThrow('expected a whole number from 1 to 65535 (cost)');
  });

  test('OSPF-LSA-24 externals and a stub area are refused', () => {
    expect(() => ospf('area: 1, areas: [ { id: 0.0.0.1, type: stub } ]')).toThrow(
      'found external-2 with the stub area 0.0.0.1, expected as: stub (RFC 2328 §3.6)',
    );
    expect(ospf('as: stub, area: 1, areas: [ { id: 1, type: stub } ]').areas).toEqual([
      { id: '0.0.0.1', type: 'stub' },
    ]);
  });

  test('OSPF-DRAIN-04 OSPF-V3LSA-17 while draining the metric is the greatest that is a metric', () => {
    expect(ospf('as: external-2').loweredMetric).toBe(0xff_fffe);
    expect(ospf('as: stub').loweredMetric).toBe(0xffff);
  });

  test('OSPF-AUTH-01 OSPF-AUTH-11 OSPF-AUTH-12 keys with an algorithm and times of their own', () => {
    const found = ospf(
      'authentication: { keys: [ { id: 1, algorithm: md5, key: a }, { id: 2, key: b, sendFrom: "2026-01-31T00:00:00Z" } ] }',
    );
    expect(found.interfaces[0]?.authentication2).toMatchObject({
      type: 'cryptographic',
      keys: [
        { id: 1, algorithm: 'md5', sendFromMs: null },
        { id: 2, algorithm: 'hmac-sha-256', sendFromMs: 1_769_817_600_000 },
      ],
    });
  });

  test('OSPF-AUTH-05 an MD5 key has 16 characters at most', () => {
    expect(() => ospf('authentication: { keys: { id: 1, algorithm: md5, key: 12345678901234567 } }')).toThrow(
      'expected',
    );
    expect(() => ospf('authentication: { keys: { id: 1, algorithm: md5, key: "12345678901234567" } }')).toThrow(
      'expected at most 16 (RFC 2328 §D.4.3)',
    );
  });

  test('the backbone is a normal area', () => {
    expect(() => ospf('as: stub, areas: [ { id: 0, type: stub } ]')).toThrow(
      'found the backbone 0.0.0.0 as another type',
    );
  });

  test('OSPF-V3AUTH-06 no password and no MD5 for OSPFv3', () => {
    expect(() => ospf('authentication3: { simple: a }')).toThrow('expected keys (RFC 7166)');
    expect(() => ospf('authentication3: { keys: { id: 1, algorithm: md5, key: a } }')).toThrow('expected an HMAC');
  });

  test('OSPF-LSA-22, -19 metrics end before LSInfinity, those of stub links at 65535', () => {
    expect(ospf('metric: 16777214').metric).toBe(0xff_fffe);
    expect(() => ospf('metric: 16777215')).toThrow('expected a whole number from 0 to 16777214 (metric)');
    expect(ospf('as: stub, metric: 65535').metric).toBe(0xffff);
    expect(() => ospf('as: stub, metric: 65536')).toThrow('expected at most 65535 as stub');
  });

  test.each(['0.0.0.0', '""', '"2001:db8::1"', '192.0.2.256'])(
    'OSPF-HELLO-13, OSPF-V3-14 the router ID %s is refused',
    (id) => {
      expect(() => read(`{ routerId: ${id}, ospf: { interface: eth1 } }`)).toThrow(
        'expected a router ID such as 192.0.2.1',
      );
    },
  );

  test('OSPF-HELLO-08 a priority that no octet holds is refused', () => {
    expect(ospf('priority: 255').interfaces[0]?.priority).toBe(255);
    expect(() => ospf('priority: 256')).toThrow('expected a whole number from 0 to 255 (priority)');
  });

  test('OSPF-V3-06 instances outside IPv6 unicast are refused', () => {
    expect(() => ospf('instanceId: 64')).toThrow('expected a whole number from 0 to 31');
  });

  test('an interface that is no name', () => {
    expect(() => read('{ ospf: { interface: "eth 1" } }')).toThrow('expected an interface such as eth1, or { name');
  });
});

describe('what is wrong inside a section in the place of a word', () => {
  const inBgp = (keys: string) => refusal(`{ bgp: [ { ${NEIGHBOR}, ${keys} } ] }`)?.replace(/^a\.yaml:2:\d+: /, '');
  const inOspf = (keys: string) => refusal(`{ ospf: { ${keys} } }`)?.replace(/^a\.yaml:2:\d+: /, '');

  test.each([
    [
      'bfd: { interval: 50ms, multiplyer: 3 }',
      'announce.bgp[0].bfd.multiplyer: unknown key "multiplyer", expected multiplier',
    ],
    [
      'import: { prefixes: 0.0.0.0/0, check: { ping: foo } }',
      'announce.bgp[0].import.check.ping: found "foo", expected an IPv4 or IPv6 address',
    ],
    [
      'export: 192.0.2.5/28',
      'announce.bgp[0].export: found "192.0.2.5/28", expected no bits after the prefix length, such as 192.0.2.0/28',
    ],
    [
      'export: [ pool4 ]',
      'announce.bgp[0].export[0]: found "pool4", expected all alone, for what announce.prefixes names, or prefixes such as 192.0.2.0/28',
    ],
  ])('bgp: %s', (keys, sentence) => {
    expect(inBgp(keys)).toBe(sentence);
  });

  test.each([
    ['interface: { name: eth0, cots: 5 }', 'announce.ospf.interface.cots: unknown key "cots", expected cost'],
    [
      'interfaces: [ { name: eth0, bfd: { interval: 5ms } } ]',
      'announce.ospf.interfaces[0].bfd.interval: found "5ms", expected a duration such as 50ms or 3s, from 10ms to 60s',
    ],
    [
      'interface: eth0, authentication: { keys: [ { id: 1, algorithm: sha256, key: a } ] }',
      'announce.ospf.authentication.keys[0].algorithm: found "sha256", expected one of hmac-sha-256, hmac-sha-1, hmac-sha-384, hmac-sha-512, md5',
    ],
    [
      'interface: eth0, authentication: { simpel: a }',
      'announce.ospf.authentication.simpel: unknown key "simpel", expected simple',
    ],
    [
      'interface: eth0, authentication: { simple: a, keys: [ { id: 1, key: a } ] }',
      'announce.ospf.authentication: found a section, expected none, { simple: PASSWORD } or { keys: [ { id, algorithm, key } ] }',
    ],
  ])('ospf: %s', (keys, sentence) => {
    expect(inOspf(keys)).toBe(sentence);
  });

  test('blackhole', () => {
    expect(refusal(`{ blackhole: { tabel: 3 }, bgp: [ { ${NEIGHBOR} } ] }`)).toContain(
      'announce.blackhole.tabel: unknown key "tabel", expected table',
    );
  });

  test('a secret is not shown', () => {
    expect(inOspf('interface: eth0, authentication: { simple: hunter2hunter2 }')).toBe(
      'announce.ospf.authentication.simple: expected 1 to 8 printable ASCII characters',
    );
    expect(inBgp('password: ""')).toBe('announce.bgp[0].password: expected 1 to 80 printable ASCII characters');
  });
});

describe('readiness', () => {
  test('conditions have a default, and pool4 lowers', () => {
    const { ready } = read(`{ bgp: [ { ${NEIGHBOR} } ] }`);
    expect(ready).toEqual({
      pool4: { above: 95, below: 90, action: 'lower', down: 1, up: 3, prefixes: null },
      dns64: { action: 'withdraw', down: 1, up: 3, prefixes: null },
      checks: [],
    });
  });

  test('a check is a program with its arguments', () => {
    const { ready } = read(
      `{ ready: { pool4: null, checks: { command: [ /bin/true, -v ], every: 500ms } }, bgp: [ { ${NEIGHBOR} } ] }`,
    );
    expect(ready.pool4).toBeNull();
    expect(ready.checks[0]).toEqual({
      name: '/bin/true',
      command: ['/bin/true', '-v'],
      everyMs: 500,
      timeoutMs: 3000,
      action: 'withdraw',
      down: 2,
      up: 3,
      prefixes: null,
    });
  });

  test('the limits of pool4 are in order', () => {
    expect(refusal(`{ ready: { pool4: { above: 50 } }, bgp: [ { ${NEIGHBOR} } ] }`)).toContain(
      'announce.ready.pool4.below: found 90, expected at most the 50 of above',
    );
  });
});
