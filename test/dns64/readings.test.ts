/** What `status` and `stats` say of the DNS64 server. */
import { expect, test } from 'vitest';
import { AnswerCache } from '../../src/dns64/cache/answer-cache.js';
import { dns64StatusOf, readingsOf } from '../../src/dns64/readings.js';
import { createStatistics } from '../../src/dns64/statistics.js';
import { createUpstreams, DEFAULT_UPSTREAM_OPTIONS } from '../../src/dns64/upstream/upstreams.js';

function report() {
  const upstreams = createUpstreams({
    ...DEFAULT_UPSTREAM_OPTIONS,
    servers: [{ address: '::1', port: 53, tls: null }],
  });
  const upstream = upstreams.stats();
  upstreams.close();
  return {
    statistics: { ...createStatistics(), 'dns64.queries.udp': 7 },
    cache: new AnswerCache({ bytes: 65_536, seed: 1 }).stats(),
    upstream,
    transport: { received: 7 },
    openQuestions: 0,
    usable: true,
  };
}

test('DNS-OPS-05 every counter has a name of its own and a meaning', () => {
  const readings = readingsOf(report());
  expect(new Set(readings.map(({ name }) => name)).size).toBe(readings.length);
  for (const { name, explain } of readings) {
    expect(name).toMatch(/^dns64(\.[a-z0-9_]+)+$/);
    expect(explain.length).toBeGreaterThan(10);
  }
  expect(readings).toContainEqual({ name: 'dns64.queries.udp', value: 7, explain: 'queries over UDP' });
  expect(readings.map(({ name }) => name)).toContain('dns64.upstream.timeouts');
});

test('ready is for a server that runs and whose upstream answers', () => {
  expect(dns64StatusOf(['udp ::#53'], true, report())).toMatchObject({
    ready: true,
    upstream: [{ server: '::1#53' }],
  });
  expect(dns64StatusOf(['udp ::#53'], true, { ...report(), usable: false }).ready).toBe(false);
  expect(dns64StatusOf(['udp ::#53'], false, report()).ready).toBe(false);
});

test('while no thread answers there is a status all the same', () => {
  expect(dns64StatusOf(['udp ::#53'], false, null)).toEqual({
    listening: ['udp ::#53'],
    alive: false,
    ready: false,
    openQuestions: 0,
    cache: { entries: 0, usedBytes: 0, capacityBytes: 0 },
    upstream: [],
  });
});
