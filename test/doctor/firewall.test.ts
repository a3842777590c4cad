/** Rulesets as `nft --json list ruleset` prints them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { names, parseFirewall, passes, readFirewall } from '../../src/doctor/survey/firewall.js';

type Json = Record<string, unknown>;

const device = (key: string, right: unknown, op = '==') => ({ match: { op, left: { meta: { key } }, right } });
const established = {
  match: { op: 'in', left: { ct: { key: 'state' } }, right: ['established', 'related'] },
};
const counter = { counter: { packets: 1, bytes: 60 } };
const accept = { accept: null };
const drop = { drop: null };
const reject = { reject: { type: 'icmpx', expr: 'admin-prohibited' } };
const jump = (target: string) => ({ jump: { target } });

/** A table with a chain of the forward hook, and others that it may jump to. */
function ruleset(
  { family = 'inet', table = 'fw', chain = 'forward', policy = 'drop' },
  rules: readonly Json[][],
  others: Readonly<Record<string, readonly Json[][]>> = {},
) {
  const hook = { type: 'filter', hook: 'forward', prio: 0, policy };
  const rulesOf = (name: string, all: readonly Json[][]) =>
    all.map((expr, handle) => ({ rule: { family, table, chain: name, handle, expr } }));
  return {
    nftables: [
      { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } },
      { table: { family, name: table, handle: 1 } },
      { chain: { family, table, name: chain, handle: 1, ...hook } },
      ...Object.keys(others).map((name) => ({ chain: { family, table, name, handle: 2 } })),
      ...rulesOf(chain, rules),
      ...Object.entries(others).flatMap(([name, all]) => rulesOf(name, all)),
    ],
  };
}

/** Without the rules in their order, which have tests of their own. */
const closing = (...args: Parameters<typeof ruleset>) =>
  parseFirewall(ruleset(...args)).closing.map(({ rules: _, ...chain }) => chain);
const closed = { family: 'inet', table: 'fw', chain: 'forward', accepted: [] as string[] };

describe('a chain', () => {
  test('that drops by its policy', () => {
    expect(closing({}, [[established, counter, accept]])).toEqual([closed]);
  });

  test('that accepts by its policy', () => {
    expect(
      closing({ policy: 'accept' }, [
        [device('iifname', 'eth0'), drop],
        [established, accept],
      ]),
    ).toEqual([]);
  });

  test('that refuses whatever is left, after its policy to accept', () => {
    expect(closing({ policy: 'accept' }, [[established, accept], [reject]])).toEqual([closed]);
    expect(closing({ policy: 'accept' }, [[counter, drop]])).toEqual([closed]);
  });

  test('of another hook or type', () => {
    const forward = ruleset({}, []);
    const text = JSON.stringify(forward);
    expect(parseFirewall(JSON.parse(text.replace('"forward","prio"', '"input","prio"'))).closing).toEqual([]);
    expect(parseFirewall(JSON.parse(text.replace('"filter"', '"route"'))).closing).toEqual([]);
    expect(parseFirewall(forward).closing).toEqual([{ ...closed, rules: [] }]);
  });

  test('that lets devices through: by name, by its beginning, by a set', () => {
    const rules = [
      [device('iifname', 'clat'), counter, accept],
      [device('oifname', 'wg*'), accept],
      [device('iif', { set: ['lo', 'eth1'] }), accept],
      [device('iifname', 'eth0'), device('oifname', 'clat'), accept],
    ];
    expect(closing({}, rules)).toEqual([{ ...closed, accepted: ['clat', 'wg*', 'lo', 'eth1', 'eth0'] }]);
  });

  test('that lets devices through by sets and maps with names', () => {
    const set = {
      set: { family: 'inet', table: 'fw', name: 'lan', type: 'ifname', handle: 4, elem: ['clat', 'lan0'] },
    };
    const map = {
      map: {
        family: 'inet',
        table: 'fw',
        name: 'm',
        type: 'ifname',
        map: 'verdict',
        elem: [
          ['wg0', accept],
          ['x', drop],
        ],
      },
    };
    const elsewhere = { set: { family: 'ip6', table: 'fw', name: 'other', type: 'ifname', elem: ['eth9'] } };
    const { nftables } = ruleset({}, [
      [device('iifname', '@lan'), accept],
      [device('oifname', '@other'), accept],
      [{ vmap: { key: { meta: { key: 'iifname' } }, data: '@m' } }],
    ]);
    const read = parseFirewall({ nftables: [set, map, elsewhere, ...nftables] });
    expect(read.closing).toMatchObject([{ ...closed, accepted: ['clat', 'lan0', 'wg0'] }]);
  });

  test('whose devices are all but one, a number or another thing', () => {
    const rules = [
      [device('iifname', 'clat', '!='), accept],
      [device('iif', 7), accept],
      [device('iifname', { set: [7, null] }), accept],
      [device('mark', 'clat'), accept],
    ];
    expect(closing({}, rules)).toEqual([closed]);
  });

  test('with matches of iptables’ own, which may be anything', () => {
    expect(closing({}, [[{ xt: { type: 'match', name: 'conntrack' } }, accept]])).toEqual([closed]);
    expect(closing({ policy: 'accept' }, [[{ xt: { type: 'match', name: 'conntrack' } }, drop]])).toEqual([]);
  });

  test('that accepts so many a second', () => {
    const limit = { limit: { rate: 10, burst: 5, per: 'second' } };
    expect(closing({}, [[limit, accept]])).toEqual([closed]);
  });
});

describe('whom a chain lets through', () => {
  const towardsUplink = { in: 'clat', out: 'eth0' };
  const firstAndKnown = (way: Parameters<typeof passes>[1], ...args: Parameters<typeof ruleset>) =>
    parseFirewall(ruleset(...args)).closing.map((chain) => [passes(chain, way, false), passes(chain, way, true)]);
  const invalid = { match: { op: 'in', left: { ct: { key: 'state' } }, right: 'invalid' } };
  const port = { match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: 80 } };
  const rest: Json[] = [reject];

  test.each<[string, readonly Json[][], boolean, boolean]>([
    ['nobody', [], false, false],
    ['everybody', [[counter, accept]], true, true],
    ['known connections', [[established, accept]], false, true],
    [
      'known connections, by a map',
      [
        [
          {
            vmap: {
              key: { ct: { key: 'state' } },
              data: {
                set: [
                  ['invalid', drop],
                  ['established', accept],
                ],
              },
            },
          },
        ],
      ],
      false,
      true,
    ],
    ['known connections, by iptables', [[{ xt: { type: 'match', name: 'conntrack' } }, counter, accept]], false, true],
    [
      'new ones as well',
      [[{ match: { op: '==', left: { ct: { key: 'state' } }, right: { set: ['established', 'new'] } } }, accept]],
      true,
      true,
    ],
    ['what leaves by the uplink', [[device('oifname', 'eth0'), accept]], true, true],
    ['what leaves by it and is known', [[device('oifname', 'eth0'), established, accept]], false, true],
    ['what leaves by another', [[device('oifname', 'eth1'), accept]], false, false],
    ['what does not come from elsewhere', [[device('iifname', 'wan', '!='), accept]], true, true],
    ['what does not come from there', [[device('iifname', { set: ['wan', 'clat'] }, '!='), accept]], false, false],
    ['all but a set that nobody knows', [[device('iifname', '@gone', '!='), accept]], false, false],
    ['some by the uplink', [[device('oifname', 'eth0'), port, accept]], false, false],
    [
      'after others were refused',
      [
        [invalid, drop],
        [port, drop],
        [device('iifname', 'guest'), drop],
        [device('oifname', 'eth*'), accept],
      ],
      true,
      true,
    ],
    [
      'after it was refused',
      [
        [device('iifname', 'lan', '!='), drop],
        [device('oifname', 'eth0'), accept],
      ],
      false,
      false,
    ],
    ['before all are refused', [[device('iif', 'clat'), device('oif', 'eth0'), accept], rest, [accept]], true, true],
    ['not after all are refused', [rest, [accept]], false, false],
  ])('%s', (_what, rules, first, known) => {
    expect(firstAndKnown(towardsUplink, {}, rules)).toEqual([[first, known]]);
  });

  test('by jumps, whose matches go for the chain', () => {
    const chains = { out: [[accept]], known: [[device('oifname', 'eth0'), jump('out')]] };
    expect(firstAndKnown(towardsUplink, {}, [[device('iifname', 'clat'), jump('known')]], chains)).toEqual([
      [true, true],
    ]);
    expect(firstAndKnown(towardsUplink, {}, [[device('iifname', 'lan'), jump('known')]], chains)).toEqual([
      [false, false],
    ]);
    expect(firstAndKnown(towardsUplink, {}, [[established, jump('known')]], chains)).toEqual([[false, true]]);
    expect(firstAndKnown(towardsUplink, {}, [[port, jump('known')]], chains)).toEqual([[false, false]]);
  });

  test('a device that nothing is known of is none that is named', () => {
    const way = { in: null, out: 'plat' };
    expect(firstAndKnown(way, {}, [[device('iifname', 'docker0'), accept]])).toEqual([[false, false]]);
    expect(firstAndKnown(way, {}, [[device('iifname', 'wan', '!='), accept]])).toEqual([[true, true]]);
  });
});

describe('jumps', () => {
  test('ufw: a policy to drop, and the rule for routes three chains below', () => {
    const family = { family: 'ip6', table: 'filter', chain: 'FORWARD' };
    const chains = {
      'ufw6-before-forward': [
        [{ xt: { type: 'match', name: 'conntrack' } }, counter, accept],
        [jump('ufw6-user-forward')],
      ],
      'ufw6-user-forward': [
        [device('iifname', 'clat'), counter, accept],
        [device('oifname', 'clat'), counter, accept],
      ],
      'ufw6-reject-forward': [],
    };
    const rules = [
      [counter, jump('ufw6-before-forward')],
      [counter, jump('ufw6-reject-forward')],
    ];
    expect(closing(family, rules, chains)).toEqual([{ ...closed, ...family, accepted: ['clat'] }]);
    const without = closing(family, rules, { ...chains, 'ufw6-user-forward': [] });
    expect(without).toEqual([{ ...closed, ...family }]);
  });

  test('firewalld: policy accept, a reject at the end, zones by device', () => {
    const family = { table: 'firewalld', chain: 'filter_FORWARD', policy: 'accept' };
    const rules = [
      [established, accept],
      [device('iifname', 'lo'), accept],
      [jump('filter_FORWARD_ZONES')],
      [{ match: { op: 'in', left: { ct: { key: 'state' } }, right: 'invalid' } }, drop],
      [reject],
    ];
    const zones = (...trusted: string[]) => ({
      filter_FORWARD_ZONES: [
        ...trusted.map((name) => [device('iifname', name), { goto: { target: 'filter_FWD_trusted' } }]),
        [device('iifname', 'eth0'), { goto: { target: 'filter_FWD_public' } }],
        [{ goto: { target: 'filter_FWD_public' } }],
      ],
      filter_FWD_trusted: [[accept]],
      filter_FWD_public: [
        [{ match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'ipv6-icmp' } }, accept],
        [reject],
      ],
    });
    const chain = { ...closed, table: 'firewalld', chain: 'filter_FORWARD' };
    expect(closing(family, rules, zones())).toEqual([{ ...chain, accepted: ['lo', 'eth0'] }]);
    expect(closing(family, rules, zones('clat'))).toEqual([{ ...chain, accepted: ['lo', 'clat', 'eth0'] }]);
  });

  test('Docker: iptables’ FORWARD chain with a policy to drop', () => {
    const family = { family: 'ip', table: 'filter', chain: 'FORWARD' };
    const rules = [
      [counter, jump('DOCKER-USER')],
      [counter, jump('DOCKER-FORWARD')],
    ];
    const chains = {
      'DOCKER-USER': [],
      'DOCKER-FORWARD': [
        [counter, jump('DOCKER-CT')],
        [device('iifname', 'docker0'), counter, accept],
      ],
      'DOCKER-CT': [[device('oifname', 'docker0'), { xt: { type: 'match', name: 'conntrack' } }, counter, accept]],
    };
    expect(closing(family, rules, chains)).toEqual([{ ...closed, ...family, accepted: ['docker0'] }]);
  });

  test('the devices of a jump go for the chain', () => {
    const chains = { trusted: [[accept]] };
    expect(closing({}, [[device('iifname', 'clat'), jump('trusted')]], chains)).toEqual([
      { ...closed, accepted: ['clat'] },
    ]);
  });

  test('a jump for some packets only does not open the chain to all', () => {
    const some = { match: { op: '==', left: { payload: { protocol: 'ip', field: 'daddr' } }, right: '192.0.2.1' } };
    expect(closing({}, [[some, jump('trusted')]], { trusted: [[accept]] })).toEqual([closed]);
  });

  test('a chain that refuses at its end, for everybody', () => {
    const chains = { last: [[established, accept], [reject]] };
    expect(closing({ policy: 'accept' }, [[jump('last')]], chains)).toEqual([closed]);
    expect(closing({ policy: 'accept' }, [[device('iifname', 'eth0'), jump('last')]], chains)).toEqual([]);
  });

  test('in a circle, to themselves and to nowhere', () => {
    const chains = { one: [[jump('two')]], two: [[jump('one')], [jump('two')], [device('iifname', 'clat'), accept]] };
    expect(closing({}, [[jump('one')], [jump('nowhere')]], chains)).toEqual([{ ...closed, accepted: ['clat'] }]);
  });

  test('that would take for ever, if all ways were gone', () => {
    const chains: Record<string, Json[][]> = {};
    for (let depth = 0; depth < 20; ++depth) {
      chains[`c${depth}`] = Array.from({ length: 16 }, (_, at) => [device('iifname', `d${at}`), jump(`c${depth + 1}`)]);
    }
    expect(closing({}, [[jump('c0')]], chains).length).toBe(1);
  });
});

describe('verdict maps', () => {
  const vmap = (key: string, ...set: unknown[]) => ({ vmap: { key: { meta: { key } }, data: { set } } });

  test('by device', () => {
    const rules = [
      [vmap('iifname', ['clat', { accept: null }], ['lo', { jump: { target: 'local' } }], ['eth0', drop])],
    ];
    expect(closing({}, rules, { local: [[accept]] })).toEqual([{ ...closed, accepted: ['clat', 'lo'] }]);
  });

  test('by another thing open nothing', () => {
    const states = { vmap: { key: { ct: { key: 'state' } }, data: { set: [['established', { accept: null }]] } } };
    expect(closing({}, [[states]])).toEqual([closed]);
  });
});

test('tables of ours that have rules in them', () => {
  const tables = ['platypus_clat', 'filter', 'platypus_siit'].map((name) => ({ table: { family: 'ip', name } }));
  const rules = ['platypus_clat', 'filter', 'platypus_clat'].map((table) => ({
    rule: { family: 'ip', table, chain: 'c', expr: [{ masquerade: null }] },
  }));
  expect(parseFirewall({ nftables: tables }).ownTables).toEqual([]);
  expect(parseFirewall({ nftables: [...tables, ...rules] }).ownTables).toEqual(['ip platypus_clat']);
});

describe('asking nft', () => {
  const answer = (stdout: string, failure = '') =>
    readFirewall(async (argv) => {
      expect(argv).toEqual(['nft', '--json', 'list', 'ruleset']);
      return { ok: failure === '', stdout, failure, missing: false };
    });

  test('an empty ruleset', async () => {
    expect(await answer('{"nftables": [{"metainfo": {"version": "1.0.6"}}]}')).toEqual({
      closing: [],
      ownTables: [],
      failure: null,
    });
  });

  test.each(['', 'Operation not permitted', '[]', '{"nftables": 7}', 'null'])('%j is another form', async (stdout) => {
    expect((await answer(stdout)).failure).toBe("nft: found another form than nftables' JSON");
  });

  test('it failed', async () => {
    const failure = 'netlink: Error: cache initialization failed: Operation not permitted';
    expect(await answer('', failure)).toEqual({ closing: [], ownTables: [], failure });
  });
});

test('names with a star at the end', () => {
  expect(names(['wg*', 'clat'], 'wg0')).toBe(true);
  expect(names(['wg*', 'clat'], 'clat')).toBe(true);
  expect(names(['wg*', 'clat'], 'clat0')).toBe(false);
  expect(names([], 'clat')).toBe(false);
  expect(names(['*'], 'clat')).toBe(true);
});

describe('hostile shapes', () => {
  test('any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        parseFirewall(data);
        parseFirewall({ nftables: [data] });
      }),
    );
  });

  test('any expressions in rules of a chain that is looked at', () => {
    const word = fc.constantFrom(
      'match',
      'jump',
      'goto',
      'accept',
      'drop',
      'vmap',
      'left',
      'right',
      'meta',
      'key',
      'set',
    );
    const { json } = fc.letrec<{ json: unknown }>((tie) => ({
      json: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, 7, '==', 'iifname', 'forward', 'clat', true),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(word, tie('json'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(fc.array(fc.array(json, { maxLength: 4 }), { maxLength: 6 }), (rules) => {
        const { closing: found } = parseFirewall(ruleset({}, rules as Json[][]));
        expect(found.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });
});
