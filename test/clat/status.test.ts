/** A CLAT as the control socket shows it. */
import { expect, test } from 'vitest';
import type { ClatService } from '../../src/clat/service.js';
import { createTarget } from '../../src/cli/target.js';
import { createFakeAddon, createFakeHost } from '../fakes/addon.js';

const ROW = {
  uplink: 'eth0',
  device: 'clat',
  state: 'native-ipv4' as const,
  words: 'stands down: eth0 has native IPv4 (mode: force would go on)',
  source: 'none' as const,
  prefixes: [],
  router: null,
  expiresInSeconds: null,
  address: null,
  sharedAddress: null,
  ipv4: null,
  metric: null,
  mtu4: null,
};

const clat: ClatService = {
  status: () => [ROW],
  counters: () => ({
    advertisements: 3,
    advertisements_refused: 1,
    prefixes_refused: 0,
    routers_differ: 0,
    questions: 0,
    answers: 0,
    answers_refused: 0,
    damped: 0,
    duplicates: 0,
  }),
  devices: () => [],
  describe: () => 'CLAT on eth0',
  alive: () => true,
  use: async () => [],
  stop: async () => {},
};

const target = createTarget({
  service: null,
  dns64: null,
  announcer: null,
  clat,
  responder: null,
  addon: createFakeAddon(createFakeHost()),
  file: null,
  reload: async () => ({ changes: [], warnings: [] }),
});

test('the status of a CLAT alone: its mode, and a row for each uplink', async () => {
  expect(await target.status()).toMatchObject({ mode: 'clat', alive: true, clat: [ROW] });
});

test('its counters are named clat.…, with explanations', async () => {
  expect(await target.stats()).toContainEqual({
    name: 'clat.advertisements_refused',
    value: 1,
    explain: 'Router advertisements that RFC 4861 §6.1.2 has hosts drop: hop limit, source, options.',
  });
});

test('while it stands down there is no packet to trace, and it has no sessions', () => {
  expect(() => target.trace(null)).toThrow(/there is no translator here/);
  expect(() => target.eamt({ cursor: 0, limit: 1 })).toThrow(/there is no translator here/);
});
