/** Speakers over real sockets on the loopback device. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import type { LearnedChange } from '../../../src/bgp-lite/bgp/import.js';
import { type BgpSpeaker, createBgpSpeaker } from '../../../src/bgp-lite/bgp/speaker.js';
import { createTcpTransport } from '../../../src/bgp-lite/bgp/tcp.js';
import type { BgpNeighborConfig } from '../../../src/config/announce.js';
import { loadAddon } from '../../../src/native/addon.js';
import { announcement, FakeDevices, imports, neighbor, pattern } from './rig.js';

const transport = createTcpTransport(loadAddon());
const running: BgpSpeaker[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((speaker) => speaker.stop({ planned: false, text: null })));
});

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return address.port;
}

function start(routerId: string, listenPort: number, config: Partial<BgpNeighborConfig>) {
  const learned: LearnedChange[] = [];
  const log: string[] = [];
  const line = (message: string) => log.push(message);
  const speaker = createBgpSpeaker(
    { routerId, listenPort, neighbors: [neighbor(config)], restarted: false },
    {
      transport,
      log: { info: line, warn: line, error: line },
      bfd: null,
      devices: new FakeDevices(),
      learned: (_, changes) => learned.push(...changes),
    },
  );
  running.push(speaker);
  return { speaker, learned, log, status: () => speaker.neighbors()[0] };
}

/** Two speakers that know and call each other. */
async function pair(a: Partial<BgpNeighborConfig> = {}, b: Partial<BgpNeighborConfig> = {}) {
  const [portA, portB] = [await freePort(), await freePort()];
  const common = { families: [4 as const], import: imports(pattern('0.0.0.0/0', 0, 32)) };
  const first = start('192.0.2.1', portA, {
    ...common,
    ...{ address: '127.0.0.2', port: portB, source: '127.0.0.1', localAs: 65001, remoteAs: 65002 },
    ...a,
  });
  const second = start('192.0.2.2', portB, {
    ...common,
    ...{ address: '127.0.0.1', port: portA, source: '127.0.0.2', localAs: 65002, remoteAs: 65001 },
    ...b,
  });
  return { first, second };
}

const bothUp = ({ first, second }: Awaited<ReturnType<typeof pair>>) =>
  vi.waitFor(() => expect([first.status()?.state, second.status()?.state]).toEqual(['Established', 'Established']), {
    timeout: 15_000,
  });

test('BGP-FSM-17, BGP-HDR-01 two that call each other end with one session', async () => {
  const both = await pair();
  await bothUp(both);
  expect(both.first.status()?.outgoing).not.toBe(both.second.status()?.outgoing);
  expect(both.first.status()?.local.port).toBe(both.second.status()?.remote.port);
});

test('what one announces the other learns, and loses again', async () => {
  // Addresses of the loopback device are no next hops.
  const both = await pair({ nextHop4: '192.0.2.50' });
  await bothUp(both);
  both.first.speaker.announce([announcement('198.51.100.0/24')]);
  await vi.waitFor(() => expect(both.second.learned).toHaveLength(1));
  expect(both.second.learned[0]?.route).toMatchObject({ nextHop: '192.0.2.50', asPath: [65001] });
  both.first.speaker.announce([]);
  await vi.waitFor(() => expect(both.second.learned).toHaveLength(2));
  expect(both.second.learned[1]?.route).toBeNull();
});

test('BGP-CEASE-03, -05 the text of a shutdown arrives before the connection ends', async () => {
  const both = await pair();
  await bothUp(both);
  await both.first.speaker.stop({ planned: false, text: 'back in 30 min' });
  await vi.waitFor(() => expect(both.second.status()?.lastError?.direction).toBe('received'));
  expect(both.second.status()?.lastError?.text).toContain('"back in 30 min"');
});

test('BGP-SEC-01, -04 with a key and GTSM on both sides', async () => {
  const protection = { password: 'x'.repeat(80), gtsmHops: 1 };
  await bothUp(await pair(protection, protection));
});

test('BGP-SEC-04 what comes from more hops away than allowed is dropped', async () => {
  const { first, second } = await pair({ gtsmHops: 1, passive: true }, { multihop: 64 });
  // It hears this side, and nothing of what it answers is heard.
  await vi.waitFor(() => expect(second.status()?.state).toBe('OpenConfirm'));
  expect(first.status()).toMatchObject({ state: 'OpenSent', messages: { received: { open: 0 } } });
});

test('a neighbour that refuses is named in words', async () => {
  const { status } = start('192.0.2.1', await freePort(), { address: '127.0.0.9', port: await freePort() });
  await vi.waitFor(() => expect(status()?.lastError?.text).toMatch(/^cannot connect: .*refused/));
});

test('BGP-FSM-16 a stranger is reset', async () => {
  const port = await freePort();
  const { speaker } = start('192.0.2.1', port, { address: '127.0.0.9', passive: true });
  const stranger = connect(port, '127.0.0.1');
  const [error] = await once(stranger, 'error');
  expect(error).toMatchObject({ code: 'ECONNRESET' });
  expect(speaker.strangers()).toBe(1);
});
