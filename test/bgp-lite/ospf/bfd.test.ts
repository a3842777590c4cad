import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BfdWatcher } from '../../../src/bgp-lite/bfd-watcher.js';
import type { BfdState } from '../../../src/native/addon.js';
import { createLink, createPeer, pass, startRouter } from './network.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const config = { intervalMs: 50, multiplier: 3, strict: false };

function rig(strict: boolean) {
  let state: BfdState = 'down';
  let told: ((state: BfdState, remote: BfdState) => void) | null = null;
  const sessions: unknown[] = [];
  const watcher: BfdWatcher = {
    watch(session, onChange) {
      sessions.push(session);
      told = onChange;
      return { state: () => state, close: () => sessions.pop() };
    },
  };
  const link = createLink();
  const router = startRouter(1, [link], {}, { bfd: { ...config, strict } }, watcher);
  const peer = createPeer(link);
  return {
    router,
    peer,
    sessions,
    turn(next: BfdState, remote: BfdState = next) {
      state = next;
      told?.(next, remote);
    },
    neighbor: () => router.speaker.neighbors()[0]?.state,
  };
}

describe('BFD beside OSPF (RFC 5882)', () => {
  test('a session for each neighbour that hears us; its end is the end of the neighbour, at once', async () => {
    const one = rig(false);
    await one.peer.becomeFull();
    expect(one.sessions).toEqual([
      { remote: '10.0.0.2', local: '10.0.0.1', device: 'eth0', config: { ...config, strict: false } },
    ]);
    one.turn('up');
    expect(one.neighbor()).toBe('full');
    one.turn('down');
    expect(one.neighbor()).toBe('down');
    one.peer.hello();
    await pass(0.01);
    expect(one.neighbor()).toBe('down');
    one.turn('up');
    one.peer.hello();
    await pass(0.01);
    expect(one.neighbor()).toBe('exstart');
  });

  test('a session that never came up, or that the other side shut down, takes nothing down', async () => {
    const one = rig(false);
    await one.peer.becomeFull();
    one.turn('down');
    expect(one.neighbor()).toBe('full');
    one.turn('up');
    one.turn('down', 'admin-down');
    expect(one.neighbor()).toBe('full');
  });

  test('a neighbour that goes on without BFD is taken again after the dead interval', async () => {
    const one = rig(false);
    await one.peer.becomeFull();
    one.turn('up');
    one.turn('down');
    await pass(41);
    one.peer.hello();
    await pass(0.01);
    expect(one.neighbor()).toBe('exstart');
  });

  test('strict: no adjacency before BFD is up', async () => {
    const one = rig(true);
    one.peer.hello();
    await pass(0.01);
    expect(one.neighbor()).toBe('2-way');
    one.turn('up');
    expect(one.neighbor()).toBe('exstart');
  });
});
