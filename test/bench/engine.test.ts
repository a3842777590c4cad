import { describe, expect, test } from 'vitest';
import { openEngine, packAddresses, parseMac, parseSide, range, stream } from '../../src/bench/engine.js';
import { type Addon, loadAddon, type Tester, type TesterOpenError, type TesterSide } from '../../src/native/addon.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('sides', () => {
  test.each([
    ['eth0', { device: 'eth0', namespace: '' }],
    ['client:eth0', { device: 'eth0', namespace: 'client' }],
    ['4711:veth-1.20', { device: 'veth-1.20', namespace: '4711' }],
    ['/proc/1/ns/net:eth0', { device: 'eth0', namespace: '/proc/1/ns/net' }],
  ])('%s', (text, expected) => {
    expect(parseSide(text, '192.0.2.1')).toMatchObject({ ...expected, destination: '192.0.2.1', nextHop: null });
  });

  test.each(['', 'client:', ':eth0', 'eth 0', 'a-name-too-long-for-linux'])('"%s" is none', (text) => {
    expect(parseSide(text, '192.0.2.1')).toBeNull();
  });

  test('a link layer address is six octets', () => {
    expect(parseMac('02:00:00:aB:cd:01')).toEqual(Uint8Array.of(2, 0, 0, 0xab, 0xcd, 1));
    for (const text of ['02:00:00:00:00', '02-00-00-00-00-01', '02:00:00:00:00:0g']) expect(parseMac(text)).toBeNull();
    expect(parseSide('eth0', '', '02:00:00:00:00:01')?.nextHop).toHaveLength(6);
    expect(parseSide('eth0', '', 'x')).toBeNull();
  });
});

describe('streams', () => {
  test('addresses are packed in wire order', () => {
    expect(hex(packAddresses(['192.0.2.1', '198.51.100.255']))).toBe('c0000201c63364ff');
    expect(hex(packAddresses(['2001:db8::1']))).toBe('20010db8000000000000000000000001');
    expect(range('192.0.2.254', 3)).toEqual(['192.0.2.254', '192.0.2.255', '192.0.3.0']);
  });

  test('the family is that of the addresses, frames are as many as rate and time make', () => {
    const one = stream({ from: 0, sources: ['::1'], destinations: ['::2'], framesPerSecond: 1500, durationMs: 2500 });
    expect(one).toMatchObject({ family: 6, frames: 3750, frameBytes: [84], kind: 'udp', flows: 1 });
    const other = stream({ from: 1, sources: ['192.0.2.1'], destinations: ['192.0.2.2'], durationMs: 10 });
    expect(other).toMatchObject({ family: 4, frameBytes: [64], framesPerSecond: 0, frames: 2 ** 26 });
  });
});

describe('what cannot be opened is said in a sentence', () => {
  const side: TesterSide = { ...(parseSide('client:eth0', '2001:db8::1') as TesterSide) };

  function refusing(error: Partial<TesterOpenError>): Addon {
    const tester: Partial<Tester> = { open: async () => Promise.reject(Object.assign(new Error('no'), error)) };
    return {
      Tester: function Open() {
        return tester;
      },
    } as unknown as Addon;
  }

  test.each([
    ['namespace', /cannot use client:eth0: no network namespace "client", expected a name that `ip netns` shows/],
    ['device', /no such interface, expected one that `ip link` shows/],
    ['down', /the interface is down, expected it up/],
    ['not-ethernet', /no Ethernet interface/],
    ['route', /no route to 2001:db8::1, expected one through the device under test/],
    ['own-address', /2001:db8::1 is an address of the tester’s own, expected one behind/],
    ['other-device', /the route to 2001:db8::1 leads out of another interface/],
    ['neighbour', /the next hop to 2001:db8::1 does not answer, expected a neighbour on this link/],
    ['ring', /expected the kernel to give what the tester needs \(ring\)/],
  ] as const)('%s', async (step, sentence) => {
    const opened = openEngine(refusing({ step, side: 1 }), { sides: [side, side] });
    await expect(opened).rejects.toMatchObject({ code: 'PLT_BENCH_SIDE', message: expect.stringMatching(sentence) });
  });

  test('without privileges', async () => {
    const opened = openEngine(refusing({ step: 'socket', side: 0, code: 'EPERM' }), { sides: [side, side] });
    await expect(opened).rejects.toMatchObject({ code: 'PLT_NOT_PERMITTED' });
  });

  test('by the native core itself', async () => {
    const nowhere = { ...side, namespace: '/nowhere', device: 'x0' };
    const opened = openEngine(loadAddon(), { sides: [nowhere, nowhere] });
    await expect(opened).rejects.toThrow('cannot use /nowhere:x0: no network namespace "/nowhere"');
  });
});

test('a trial that is refused, or a signal that came before it, rejects', async () => {
  const failing = {
    open: async () => undefined,
    run: async () => Promise.reject(Object.assign(new Error('x'), { code: 'EMSGSIZE', syscall: 'trial' })),
  };
  const addon = {
    Tester: function Open() {
      return failing;
    },
  } as unknown as Addon;
  const engine = await openEngine(addon, { sides: null });
  await expect(engine.run({ streams: [] })).rejects.toThrow(/a frame is longer than the MTU/);
  await expect(engine.run({ streams: [] }, AbortSignal.abort())).rejects.toMatchObject({ code: 'PLT_ABORTED' });
});
