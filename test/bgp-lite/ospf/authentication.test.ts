import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { acceptedKeys, sendingKey } from '../../../src/bgp-lite/ospf/authentication/keys.js';
import { createSequences } from '../../../src/bgp-lite/ospf/authentication/sequence.js';
import type { OspfAuthentication, OspfInterfaceConfig, OspfKey } from '../../../src/config/announce.js';
import { createLink, createPeer, type Peer, pass, type Router, startRouter } from './network.js';

function key(id: number, sendFromMs: number | null, sendUntilMs: number | null, over: Partial<OspfKey> = {}): OspfKey {
  return {
    id,
    algorithm: 'hmac-sha-256',
    key: `secret ${id}`,
    sendFromMs,
    sendUntilMs,
    acceptFromMs: sendFromMs,
    acceptUntilMs: sendUntilMs,
    ...over,
  };
}

describe('keys and their lives', () => {
  const [old, young] = [key(1, null, 2000), key(2, 1000, null)];
  test('OSPF-AUTH-12 the valid key of latest start sends, every valid one is taken', () => {
    expect(sendingKey([old, young], 500)).toEqual({ key: old, expired: false });
    expect(sendingKey([old, young], 1500)).toEqual({ key: young, expired: false });
    expect(acceptedKeys([old, young], 1, 1500)).toEqual([old]);
    expect(acceptedKeys([old, young], 2, 1500)).toEqual([young]);
    expect(acceptedKeys([old, young], 1, 2500)).toEqual([]);
    expect(acceptedKeys([old, young], 2, 500)).toEqual([]);
  });

  test('OSPF-AUTH-13 when the last has expired it goes on being used', () => {
    const keys = [key(1, null, 1000), key(2, null, 2000)];
    expect(sendingKey(keys, 3000)).toEqual({ key: keys[1], expired: true });
    expect(acceptedKeys(keys, 2, 3000)).toEqual([keys[1]]);
    expect(acceptedKeys(keys, 1, 3000)).toEqual([]);
  });
});

describe('sequence numbers', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'platypus-sequence-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('OSPF-AUTH-06 they follow the clock, and do not go back with it', () => {
    let nowMs = 1_600_000_000_000;
    const sequences = createSequences(null, () => nowMs);
    expect(sequences.next32()).toBe(1_600_000_000);
    nowMs -= 5000;
    expect(sequences.next32()).toBe(1_600_000_000);
    const later = createSequences(null, () => 1_600_000_001_000);
    expect(later.next32()).toBe(1_600_000_001);
  });

  test('OSPF-V3AUTH-07 of 64 bits each is above the last, over a restart too', () => {
    const sequences = createSequences(null, () => 1_600_000_000_000);
    const [first, second] = [sequences.next64(), sequences.next64()];
    expect(second).toBe(first + 1n);
    expect(createSequences(null, () => 1_600_000_000_001).next64() > second).toBe(true);
  });

  test('OSPF-AUTH-06, OSPF-V3AUTH-07 with a file they do not go back when the clock does', () => {
    const file = join(folder, 'state');
    const before = createSequences(file, () => 1_600_000_000_000);
    const [last32, last64] = [before.next32(), before.next64()];
    const after = createSequences(file, () => 0);
    expect(after.next32()).toBeGreaterThan(last32);
    expect(after.next64() > last64).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe('1600007200\n');
  });

  test('a file cut short counts as none', () => {
    const file = join(folder, 'state');
    writeFileSync(file, '16000');
    expect(createSequences(file, () => 1_600_000_000_000).next32()).toBe(1_600_000_000);
  });
});

describe('on a link', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.setSystemTime(1_600_000_000_000);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function rig(
    version: 2 | 3,
    ours: OspfAuthentication,
    theirs = ours,
  ): { router: Router; peer: Peer; link: ReturnType<typeof createLink> } {
    const link = createLink();
    const iface: Partial<OspfInterfaceConfig> = version === 2 ? { authentication2: ours } : { authentication3: ours };
    const router = startRouter(1, [link], { versions: [version] }, iface);
    return { link, router, peer: createPeer(link, { version, authentication: theirs }) };
  }
  const keys = (...list: OspfKey[]): OspfAuthentication => ({ type: 'cryptographic', keys: list });
  const counter = (router: Router, name: string) => router.speaker.statistics()[`ospf.drop.${name}` as never];

  test.each([2, 3] as const)('OSPF-AUTH-03, OSPF-V3AUTH-01 version %i becomes Full with keys', async (version) => {
    const { router, peer } = rig(version, keys(key(1, null, null)));
    await peer.becomeFull();
    expect(router.speaker.neighbors()[0]?.state).toBe('full');
    expect((peer.last('dd').options & 0x400) !== 0).toBe(version === 3);
  });

  test('OSPF-AUTH-01, -15 another key or none: dropped, counted, told once a minute', async () => {
    const { router, peer } = rig(2, keys(key(1, null, null)), keys(key(1, null, null, { key: 'wrong' })));
    for (let time = 0; time < 5; time++) peer.hello();
    await pass(0.01);
    expect(counter(router, 'authentication')).toBe(5);
    expect(router.messages.warn).toHaveLength(1);
    const { router: other, peer: plain } = rig(2, keys(key(1, null, null)), { type: 'none' });
    plain.hello();
    await pass(0.01);
    expect(counter(other, 'authentication_type')).toBe(1);
  });

  test('OSPF-AUTH-07 below the last number: dropped; equal: taken; forgotten when the neighbour is down', async () => {
    const { link, router, peer } = rig(2, keys(key(1, null, null)));
    const sent: Uint8Array[] = [];
    link.passes = ({ source, bytes }) => {
      if (source === '10.0.0.2') sent.push(bytes.slice());
      return true;
    };
    peer.hello({ neighbors: [] });
    peer.hello({ neighbors: [] });
    await pass(0.01);
    const [first, second] = sent;
    if (first === undefined || second === undefined) throw new Error('nothing was sent');
    peer.sendBytes(second);
    await pass(0.01);
    expect(counter(router, 'replayed')).toBe(0);
    peer.sendBytes(first);
    await pass(0.01);
    expect(counter(router, 'replayed')).toBe(1);
    await pass(41);
    expect(router.speaker.neighbors()).toEqual([]);
    peer.sendBytes(first);
    await pass(0.01);
    expect(router.speaker.neighbors()).toHaveLength(1);
  });

  test('OSPF-V3AUTH-07 in version 3 an equal number is dropped too', async () => {
    const { link, router, peer } = rig(3, keys(key(1, null, null)));
    const sent: Uint8Array[] = [];
    link.passes = ({ source, bytes }) => {
      if (source === 'fe80::2') sent.push(bytes.slice());
      return true;
    };
    peer.hello({ neighbors: [] });
    await pass(0.01);
    peer.sendBytes(sent[0] ?? new Uint8Array(0));
    await pass(0.01);
    expect(counter(router, 'replayed')).toBe(1);
  });

  test('OSPF-AUTH-12, -13 keys change without loss, and the last is told of when it has expired', async () => {
    const start = Date.now();
    const list = [
      key(1, null, start + 60_000, { acceptUntilMs: start + 90_000 }),
      key(2, start + 50_000, start + 100_000),
    ];
    const links = createLink();
    const [a, b] = [1, 2].map((host) => startRouter(host, [links], {}, { authentication2: keys(...list) }));
    await pass(150);
    expect(a?.speaker.neighbors()[0]?.state).toBe('full');
    expect(a === undefined ? null : counter(a, 'authentication')).toBe(0);
    expect(b?.messages.warn).toContainEqual('OSPFv2 on eth0: no key is valid now; the last one goes on being used');
  });
});
