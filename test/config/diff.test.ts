import { describe, expect, test } from 'vitest';
import { diffConfig } from '../../src/config/diff.js';
import { parseConfig } from '../../src/config/file.js';

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
  ])('%s %s', (plat, rest, sentence) => {
    expect(diffConfig(running, config(plat, rest)).refused).toEqual([expect.stringMatching(sentence)]);
  });
});
