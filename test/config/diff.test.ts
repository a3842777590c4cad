import { describe, expect, test } from 'vitest';
import { diffAnnounce, diffConfig, diffDns64 } from '../../src/config/diff.js';
import { parseConfig } from '../../src/config/file.js';
import { siitFile } from './configs.js';

const config = (plat: string, rest = '') => parseConfig(`plat: { ${plat} }\n${rest}`, 'p.yaml').config;
const POOL4 = 'pool4: 100.1.2.0/28';
const running = config(POOL4);

test('equal configurations differ in nothing, however they are written', () => {
  expect(diffConfig(running, config('pool4: [{ prefix: 100.1.2.0/28, ports: 1024-65535 }], mtu4: 1500'))).toEqual({
    changes: [],
    refused: [],
  });
});

describe('live', () => {
  test.each([
    ['pool4: [100.1.2.0/28, 100.1.3.0/30]', '', 'plat.pool4: added 100.1.3.0/30#1024-65535'],
    [`${POOL4}, mtu6: 1600`, '', 'plat.mtu6: 1500 became 1600'],
    [`${POOL4}, timeouts: { udp: 600 }`, '', /^plat\.timeouts: udp 300, .* became udp 600, /],
    [`${POOL4}, tos: 7`, '', 'plat.tos: the default became 7'],
    [`${POOL4}, mssClamp: auto`, '', 'plat.mssClamp: off became auto'],
    [
      `${POOL4}, plateaus: [1500]`,
      '',
      'plat.plateaus: 65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006 and 3 more became 1500',
    ],
    [
      `${POOL4}, staticBib: [{ protocol: tcp, v6: "2001:db8::1#80", v4: "100.1.2.1#80" }]`,
      '',
      /^plat\.staticBib: added tcp /,
    ],
    [POOL4, 'log: { level: debug }', 'log.level: info became debug'],
  ])('%s %s', (plat, rest, sentence) => {
    const { changes, refused } = diffConfig(running, config(plat, rest));
    expect(refused).toEqual([]);
    expect(changes).toEqual([typeof sentence === 'string' ? sentence : expect.stringMatching(sentence)]);
  });

  test('new ports of a prefix are one entry removed and one added', () => {
    expect(diffConfig(running, config('pool4: "100.1.2.0/28#5000-6000"')).changes).toEqual([
      'plat.pool4: added 100.1.2.0/28#5000-6000',
      'plat.pool4: removed 100.1.2.0/28#1024-65535',
    ]);
  });
});

describe('refused', () => {
  test.each([
    [`${POOL4}, device: other`, '', /^plat\.device cannot change from platypus to other while running/],
    [`${POOL4}, limits: { sessions: 5 }`, '', /^plat\.limits .*sessions 5.*restart/],
    [`${POOL4}, pool6: "2001:db8::/96"`, '', /^plat\.pool6 cannot change from 64:ff9b::\/96 to 2001:db8::\/96/],
    [`${POOL4}, filtering: address-dependent`, '', /^plat\.filtering /],
    [POOL4, 'control: { socket: /run/other.sock }', /^control\.socket .*\/run\/other\.sock/],
    [POOL4, 'control: { metrics: "::1" }', /^control\.metrics cannot change from none to ::1#9464 while running/],
  ])('%s %s', (plat, rest, sentence) => {
    expect(diffConfig(running, config(plat, rest)).refused).toEqual([expect.stringMatching(sentence)]);
  });
});

describe('siit', () => {
  const siit = (text: string) => siitFile(`siit: { pool6: "2001:db8:64::/96", ${text} }`);
  const [one, two] = ['{ v4: 192.0.2.1, v6: "::1" }', '{ v4: 192.0.2.2, v6: "::2" }'];
  const before = siit(`eamt: [${one}]`);

  test.each([
    [`eamt: [${one}], pool4: 192.0.2.0/24`, 'siit.pool4: the default became 192.0.2.0/24'],
    [`eamt: [${one}], hairpin: none`, 'siit.hairpin: intrinsic became none'],
    [`eamt: [${one}], denylist4: [192.0.2.1, 192.0.2.2]`, 'siit.denylist4: none became 192.0.2.1/32, 192.0.2.2/32'],
    [`eamt: [${one}], rfc6791v6Prefix: "2001:db8::/64"`, 'siit.rfc6791v6Prefix: the default became 2001:db8::/64'],
    [`eamt: [${one}], timeouts: { fragment: 9 }`, 'siit.timeouts: fragment 2 became fragment 9'],
    [`eamt: [${one}, ${two}]`, 'siit.eamt: another table, number of entries 1 became 2'],
    [`eamt: [${two}]`, 'siit.eamt: another table, number of entries 1 became 1'],
    ['', 'siit.eamt: another table, number of entries 1 became 0'],
  ])('%s is live', (text, sentence) => {
    expect(diffConfig(before, siit(text))).toEqual({ changes: [sentence], refused: [] });
  });

  test('pool6 is live too: there is no state that holds it', () => {
    const next = siitFile(`siit: { pool6: "2001:db8:65::/96", eamt: [${one}] }`);
    expect(diffConfig(before, next)).toEqual({
      changes: ['siit.pool6: 2001:db8:64::/96 became 2001:db8:65::/96'],
      refused: [],
    });
  });

  test('a table that was edited differs from every file', () => {
    const edited = { ...before, siit: { ...before.siit, eamt: { size: 1, records: null } } };
    expect(diffConfig(edited, before).changes).toEqual(['siit.eamt: another table, number of entries 1 became 1']);
    expect(diffConfig(before, siit(`eamt: [${one}]`)).changes).toEqual([]);
  });

  test.each([
    ['device: other', /^siit\.device .*restart/],
    ['limits: { pathMtus: 9 }', /^siit\.limits .*pathMtus 9.*restart/],
  ])('%s is refused', (text, sentence) => {
    expect(diffConfig(before, siit(`eamt: [${one}], ${text}`)).refused).toEqual([expect.stringMatching(sentence)]);
  });

  test('a PLAT does not become a SIIT', () => {
    expect(diffConfig(running, before).refused).toEqual(['plat cannot become siit while running: restart to apply it']);
    expect(diffConfig(before, running).refused).toEqual(['siit cannot become plat while running: restart to apply it']);
  });
});

describe('dns64', () => {
  const section = (text: string) => {
    const { dns64 } = parseConfig(`dns64: { listen: "::#53", upstream: 192.0.2.53, ${text} }`, 'p.yaml').config;
    if (dns64 === undefined) throw new Error('no dns64 section');
    return dns64;
  };

  test.each([
    ['', [], []],
    ['parallel: true', ['dns64.parallel changed'], []],
    ['cache: { prefetch: false }', ['dns64.cache changed'], []],
    [
      'cache: { megabytes: 7 }',
      [],
      ['dns64.cache.megabytes cannot change while running (the memory is taken): restart to apply it'],
    ],
    ['workers: 3', [], ['dns64.workers cannot change while running (the sockets are open): restart to apply it']],
  ])('%s', (text, changes, refused) => {
    expect(diffDns64(section(''), section(text))).toEqual({ changes, refused });
  });
});

describe('announce', () => {
  const announce = (more: string, ospf: string) =>
    parseConfig(`announce: { prefixes: 192.0.2.0/28, ${more} ospf: { interface: eth1, ${ospf} } }`, 'p.yaml').config
      .announce;

  test('comes and goes only by a restart', () => {
    expect(diffAnnounce(announce('', ''), undefined)).toEqual([
      'announce cannot come or go while running: restart to apply it',
    ]);
    expect(diffAnnounce(undefined, undefined)).toEqual([]);
  });

  test('OSPF-HELLO-13 the router ID stays', () => {
    expect(diffAnnounce(announce('', ''), announce('routerId: 10.0.0.1,', ''))).toEqual([
      'announce.routerId cannot change from the default to 10.0.0.1 while running: restart to apply it',
    ]);
  });

  test('the state file stays, whatever else changes', () => {
    expect(diffAnnounce(announce('', 'metric: 5'), announce('', 'metric: 6, stateFile: /run/p/state'))).toEqual([
      'announce.ospf.stateFile cannot change while running (its numbers are in use): restart to apply it',
    ]);
    expect(diffAnnounce(announce('', 'metric: 5'), announce('', 'metric: 6'))).toEqual([]);
  });
});
