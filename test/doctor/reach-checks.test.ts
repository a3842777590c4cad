import { describe, expect, test } from 'vitest';
import { natChecks } from '../../src/doctor/checks/nat.js';
import { pathChecks } from '../../src/doctor/checks/path.js';
import { reachChecks } from '../../src/doctor/checks/reach.js';
import type { ReachFacts } from '../../src/doctor/probes/facts.js';
import { healthyReach as healthy, mapped } from './surveys.js';

const checks = [...reachChecks, ...pathChecks, ...natChecks];
const say = (name: string, facts: Partial<ReachFacts>) => {
  const check = checks.find((each) => each.name === name);
  return check?.examine({ reach: { ...healthy, ...facts }, whyNotReached: null })[0];
};
const silent: Partial<ReachFacts> = {
  udp: { ...healthy.udp, answered: false, mapped: null },
  fragments: null,
  zeroChecksum: null,
  pathMtuUp: null,
  pathMtuDown: null,
  mapping: null,
  filtering: null,
  hairpin: null,
  ports: null,
};

test('numbers are two digits from 40 to 69, each once, in order', () => {
  const numbers = checks.map(({ number }) => number);
  expect(numbers).toEqual(['40', '41', '42', '43', '44', '45', '46', '47', '48', '50', '51', '52', '53']);
});

test('without a responder every check is skipped, and says why', () => {
  for (const { examine } of checks) {
    expect(examine({ reach: null, whyNotReached: 'no responder is known' })).toEqual([
      { verdict: 'skipped', words: 'no responder is known', hint: null },
    ]);
  }
});

test('healthy facts', () => {
  expect(
    checks.flatMap(({ examine }) => examine({ reach: healthy, whyNotReached: null })).map(({ words }) => words),
  ).toEqual([
    '203.0.113.5 answers to ping after 0.2 ms',
    '203.0.113.5#3478 answers over TCP, connected in 12 ms',
    '203.0.113.5#3478 answers over UDP after 7.6 ms, which sees 192.0.2.9#20525',
    'UDP of 4028 bytes in fragments arrives at the responder',
    'UDP of 4028 bytes in fragments arrives from the responder',
    'UDP without checksum arrives both ways',
    'packets of up to 1472 bytes arrive on the way up, which is what the sender’s route takes',
    'packets of up to 1480 bytes arrive on the way down, as ICMP tells',
    'segments of TCP: 1432 bytes up, 1440 bytes down',
    'mapping is endpoint-independent (RFC 4787 REQ-1)',
    'filtering is endpoint-independent',
    'a packet to an own mapped address comes back (RFC 4787 REQ-9)',
    'this host is 192.0.2.9 outside',
  ]);
});

test('a responder that is silent over UDP skips what needs it', () => {
  const verdicts = checks.flatMap(({ number, examine }) =>
    examine({ reach: { ...healthy, ...silent }, whyNotReached: null }).map(({ verdict }) => `${number} ${verdict}`),
  );
  expect(verdicts).toEqual([
    '40 ok',
    '41 ok',
    '42 fault',
    ...['43', '44', '45', '46', '47'].map((number) => `${number} skipped`),
    '48 ok',
    ...['50', '51', '52'].map((number) => `${number} skipped`),
  ]);
});

describe('faults and warnings', () => {
  const { tcp, udp } = healthy;
  const table: [string, string, Partial<ReachFacts>, string, string][] = [
    [
      'literal-icmp',
      'silence',
      { icmp: { answered: false, milliseconds: null, error: null } },
      'fault',
      'does not answer to ping',
    ],
    [
      'literal-icmp',
      'no ping(8)',
      { icmp: { answered: null, milliseconds: null, error: 'ping is not installed' } },
      'skipped',
      'ping is not installed',
    ],
    [
      'literal-tcp',
      'refused',
      { tcp: { ...tcp, connected: false, answered: false, error: 'ECONNREFUSED' } },
      'fault',
      'it refuses the connection',
    ],
    [
      'literal-tcp',
      'silence after the handshake',
      { tcp: { ...tcp, answered: false, error: 'ETIMEDOUT' } },
      'fault',
      'takes the connection and does not answer: no answer',
    ],
    ['literal-udp', 'silence', silent, 'fault', 'does not answer over UDP'],
    ['literal-udp', 'an ALG', { udp: { ...udp, rewritten: true } }, 'warning', 'rewrites addresses inside packets'],
    ['fragments-up', 'lost', { fragments: { bytes: 4028, up: false, down: null } }, 'fault', 'is lost on the way up'],
    [
      'fragments-down',
      'lost above',
      { fragments: { bytes: 4028, up: false, down: null } },
      'skipped',
      'see finding 43',
    ],
    [
      'fragments-down',
      'lost',
      { fragments: { bytes: 4028, up: true, down: false } },
      'fault',
      'is lost on the way down',
    ],
    [
      'fragments-down',
      'another server',
      { fragments: { bytes: 4028, up: true, down: null } },
      'skipped',
      'no Platypus',
    ],
    ['zero-checksum', 'up', { zeroChecksum: { bytes: 148, up: false, down: true } }, 'fault', 'on the way up'],
    ['zero-checksum', 'down', { zeroChecksum: { bytes: 148, up: true, down: false } }, 'fault', 'on the way down'],
    [
      'path-mtu-up',
      'a black hole',
      { pathMtuUp: { bytes: 1380, triedBytes: 1500, toldBytes: null, own: false } },
      'fault',
      'longer than 1380 bytes vanish on the way up, and nobody tells',
    ],
    [
      'path-mtu-up',
      'small',
      { pathMtuUp: { bytes: 1200, triedBytes: 1500, toldBytes: 1200, own: false } },
      'warning',
      'less than every IPv6 path takes',
    ],
    [
      'path-mtu-down',
      'a lie',
      { pathMtuDown: { bytes: 1380, triedBytes: 1500, toldBytes: 1480, own: false } },
      'fault',
      'ICMP tells 1480',
    ],
    [
      'path-mtu-down',
      'nothing',
      { pathMtuDown: { bytes: null, triedBytes: 1500, toldBytes: null, own: false } },
      'fault',
      'no packet with DF arrives',
    ],
    ['path-mtu-down', 'busy', { pathMtuDown: null }, 'skipped', 'or busy'],
    [
      'mss',
      'a black hole',
      { pathMtuDown: { bytes: 1380, triedBytes: 1500, toldBytes: null, own: false } },
      'fault',
      'segments of 1440 bytes on the way down, and only 1340 fit',
    ],
    ['mss', 'no TCP', { tcp: { ...tcp, connected: false } }, 'skipped', 'see finding 41'],
    [
      'mapping',
      'dependent',
      {
        mapping: { behaviour: 'address-and-port-dependent', addresses: true, mapped: [mapped, { ...mapped, port: 9 }] },
      },
      'fault',
      'seen as 192.0.2.9#20525, 192.0.2.9#9',
    ],
    [
      'mapping',
      'by ports',
      { mapping: { behaviour: 'endpoint-independent', addresses: false, mapped: [] } },
      'ok',
      'as far as the ports of one address show',
    ],
    ['mapping', 'unknown', { mapping: { behaviour: null, addresses: true, mapped: [] } }, 'skipped', 'was missing'],
    [
      'filtering',
      'by address',
      { filtering: { behaviour: 'address-dependent', addresses: true } },
      'ok',
      'plat.filtering',
    ],
    [
      'filtering',
      'by port',
      { filtering: { behaviour: 'address-and-port-dependent', addresses: true } },
      'warning',
      'only the very port',
    ],
    ['hairpin', 'broken', { hairpin: { works: false } }, 'warning', 'cannot reach each other'],
    [
      'hairpin',
      'filtered',
      { hairpin: { works: false }, filtering: { behaviour: 'address-dependent', addresses: true } },
      'skipped',
      'finding 51',
    ],
    [
      'one-nat',
      'two',
      { tcp: { ...tcp, mapped: { address: '192.0.2.10', port: 1 } } },
      'warning',
      '192.0.2.9 outside with UDP and 192.0.2.10 with TCP',
    ],
  ];

  test.each(table)('%s: %s', (name, _, facts, verdict, words) => {
    const finding = say(name, facts);
    expect(finding).toMatchObject({ verdict, words: expect.stringContaining(words) });
    const hinted = verdict === 'fault' || verdict === 'warning';
    expect(finding?.hint === null).toBe(!hinted);
  });
});
