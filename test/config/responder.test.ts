import { expect, test } from 'vitest';
import { networkOf } from '../../src/config/address.js';
import { parseConfig } from '../../src/config/file.js';
import { diffResponder, type ResponderConfig } from '../../src/config/responder.js';

const PLAT = 'plat: { pool4: 192.0.2.0/28 }\n';
const load = (responder: string, before = PLAT) => parseConfig(`${before}responder: ${responder}\n`, 'p.yaml');
const refused = (responder: string, before = PLAT) => {
  try {
    load(responder, before);
  } catch (error) {
    return String((error as Error).message).split('\n');
  }
  return [];
};
const sectionOf = (text: string) => load(text).config.responder as ResponderConfig;

test('defaults: the ports of STUN, and the pool4 beside it', () => {
  expect(sectionOf('{ listen: [203.0.113.5, 203.0.113.6] }')).toEqual({
    listen: ['203.0.113.5', '203.0.113.6'],
    ports: [3478, 3479],
    from: null,
    rateLimit: { perSecond: 200, burst: 400 },
  });
});

test('alone it has to be told who is answered', () => {
  const { config } = load('{ listen: 203.0.113.5, from: 192.0.2.0/24 }', '');
  expect(config.responder?.from?.map(networkOf)).toEqual(['192.0.2.0/24']);
  expect(refused('{ listen: 203.0.113.5 }', '')).toEqual([
    'p.yaml:1:12: responder.from: found none, expected prefixes: without a plat section there is no pool4 to take them from',
  ]);
});

test.each([
  ['{ listen: [] }', 'found an empty list, expected 1 or 2 IPv4 addresses of this host'],
  ['{ listen: "2001:db8::1" }', 'found "2001:db8::1", expected an IPv4 address of this host such as 203.0.113.5'],
  ['{ listen: 0.0.0.0 }', 'found "0.0.0.0", expected an IPv4 address of this host such as 203.0.113.5'],
  ['{ listen: [203.0.113.5, 203.0.113.5] }', 'found 203.0.113.5 twice, expected two addresses'],
  ['{ listen: 203.0.113.5, ports: [3478, 3478] }', 'found 3478 twice, expected two ports'],
  [
    '{ listen: 192.0.2.3 }',
    "found 192.0.2.3, expected an address outside pool4 192.0.2.0/28, whose packets are all the translator's",
  ],
])('%s is refused', (text, message) => {
  expect(refused(text)).toEqual([expect.stringContaining(message)]);
});

test('one address, and everybody as a source, are worth a word', () => {
  const { warnings } = load('{ listen: 203.0.113.5, from: 0.0.0.0/0 }', '');
  expect(warnings).toEqual([
    'responder.from has 0.0.0.0/0: strangers can have answers sent to addresses that they forge',
    'responder.listen has one address: mapping and filtering are found out by ports alone (RFC 5780 §4.3 wants two addresses)',
  ]);
});

test('a reload changes who is answered and how often, not where', () => {
  const running = sectionOf('{ listen: 203.0.113.5 }');
  const next = sectionOf('{ listen: 203.0.113.6, from: 192.0.2.0/24, rateLimit: { burst: 7 } }');
  expect(diffResponder(running, running)).toEqual({ changes: [], refused: [] });
  expect(diffResponder(running, next)).toEqual({
    changes: ['responder.from changed', 'responder.rateLimit changed'],
    refused: ['responder.listen cannot change while running (the sockets are open): restart to apply it'],
  });
  expect(diffResponder(running, undefined).refused).toEqual([
    'responder cannot come or go while running: restart to apply it',
  ]);
});
