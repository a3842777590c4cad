import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checksum, joined, readAdvertisement } from '../../src/doctor/survey/advertisement.js';
import { internetChecksum } from '../../src/internet-checksum.js';
import { loadAddon } from '../../src/native/addon.js';
import { advertisementPacket, filled, fromHex, OPTIONS } from './router-messages.js';
import { advertisement } from './surveys.js';

const addon = loadAddon();
const read = (packet: Uint8Array) => readAdvertisement(packet, addon);

/** A packet with some octets changed, and its checksum made right again. */
function changed(at: number, ...octets: number[]): Uint8Array {
  const packet = advertisementPacket(OPTIONS.mtu);
  packet.set(octets, at);
  return filled(packet);
}

describe('the checksum', () => {
  test('of RFC 1071’s example', () => {
    expect(internetChecksum(fromHex('0001 f203 f4f5 f6f7'))).toBe(0x220d);
  });
  test('of an odd number of octets', () => {
    expect(internetChecksum(fromHex('0001 f2'))).toBe(0x0dfe);
  });
  test('of a solicitation as tcpdump shows it', () => {
    expect(
      checksum(fromHex(`6000000000083aff ${'00'.repeat(16)} ff0200000000000000000000 00000002 8500000000000000`)),
    ).toBe(0x7bb8);
  });
});

test('what an advertisement says', () => {
  const packet = advertisementPacket(...Object.values(OPTIONS));
  expect(read(packet)).toEqual({
    router: 'fe80::1',
    lifetimeSeconds: 1800,
    managed: false,
    other: false,
    mtuBytes: 1480,
    prefixes: [
      { prefix: '2001:db8:1:1::/64', onLink: true, autonomous: true, validSeconds: 86_400, preferredSeconds: 14_400 },
    ],
    pref64: [{ prefix: '64:ff9b::/96', lifetimeSeconds: 600 }],
    refusedPref64: 0,
    resolvers: [
      { address: '2001:db8:1:1::1', lifetimeSeconds: 1800 },
      { address: 'fe80::53', lifetimeSeconds: 1800 },
    ],
  });
});

test.each([
  [0x80, true, false],
  [0x40, false, true],
  [0xc0, true, true],
])('flags %i', (flags, managed, other) => {
  expect(read(changed(45, flags))).toMatchObject({ managed, other });
});

test('a router lifetime of 0', () => {
  expect(read(changed(46, 0, 0))?.lifetimeSeconds).toBe(0);
});

test('a prefix that is neither on the link nor for autoconfiguration', () => {
  const option = OPTIONS.prefix.replace('40 c0', '38 00');
  expect(read(advertisementPacket(option))?.prefixes).toEqual([
    { prefix: '2001:db8:1:1::/56', onLink: false, autonomous: false, validSeconds: 86_400, preferredSeconds: 14_400 },
  ]);
});

describe('PREF64 (RFC 8781 §4)', () => {
  // Lifetime in units of 8 s, then the code of the length.
  test.each([
    ['26 02 0258 20010db80064 000000000000', '2001:db8:64::/96', 600],
    ['26 02 0259 20010db800640001 00000000', '2001:db8:64:1::/64', 600],
    ['26 02 025a 20010db80064ff00 00000000', '2001:db8:64:ff00::/56', 600],
    ['26 02 025b 20010db80064 000000000000', '2001:db8:64::/48', 600],
    ['26 02 025c 20010db8ff00 000000000000', '2001:db8:ff00::/40', 600],
    ['26 02 025d 20010db80000 000000000000', '2001:db8::/32', 600],
    ['26 02 0000 0064ff9b0000 000000000000', '64:ff9b::/96', 0],
    ['26 02 fff8 0064ff9b0000 000000000000', '64:ff9b::/96', 65_528],
  ])('%s', (option, prefix, lifetimeSeconds) => {
    expect(read(advertisementPacket(option))).toMatchObject({
      pref64: [{ prefix, lifetimeSeconds }],
      refusedPref64: 0,
    });
  });

  test.each([
    ['a code of no length', '26 02 025e 0064ff9b0000000000000000'],
    ['a code of no length', '26 02 025f 0064ff9b0000000000000000'],
    ['three units of 8 octets', `26 03 0258 0064ff9b0000000000000000 ${'00'.repeat(8)}`],
    ['one unit of 8 octets', '26 01 0258 0064ff9b'],
  ])('%s: counted, and not taken', (_what, option) => {
    expect(read(advertisementPacket(option, OPTIONS.pref64))).toMatchObject({
      pref64: [{ prefix: '64:ff9b::/96', lifetimeSeconds: 600 }],
      refusedPref64: 1,
    });
  });
});

test('options of a wrong size and unknown ones are passed over', () => {
  const options = [
    '03 01 40c000015180',
    '05 02 0000000005c8 0000000000000000',
    '19 01 000000000708',
    'fe 01 000000000000',
  ];
  expect(read(advertisementPacket(...options, OPTIONS.mtu))).toMatchObject({
    mtuBytes: 1480,
    prefixes: [],
    resolvers: [],
  });
});

test('a list of resolvers with half an address more', () => {
  const option = `19 04 0000 00000708 20010db8000100010000000000000001 ${'ff'.repeat(8)}`;
  expect(read(advertisementPacket(option))?.resolvers).toEqual([{ address: '2001:db8:1:1::1', lifetimeSeconds: 1800 }]);
});

describe('hosts ignore (RFC 4861 §6.1.2)', () => {
  test.each([
    ['another next header', changed(6, 17)],
    ['a hop limit of 254', changed(7, 254)],
    ['a source that is not link-local', changed(8, 0x20, 0x01)],
    ['fec0::, which is not link-local either', changed(8, 0xfe, 0xc0)],
    ['another message', changed(40, 133)],
    ['a code', changed(41, 1)],
    ['an option of length 0', changed(57, 0)],
    ['an option beyond the end', changed(57, 2)],
    ['one octet after the last option', filled(Uint8Array.of(...changed(5, 25), 1))],
    ['nothing', new Uint8Array(0)],
    ['a header alone', changed(5, 0).subarray(0, 40)],
    ['a payload of 15 octets', filled(changed(5, 15))],
    ['a payload that is cut off', changed(5, 24).subarray(0, 63)],
  ])('%s', (_what, packet) => {
    expect(read(packet)).toBeNull();
  });

  test('a wrong checksum', () => {
    const packet = advertisementPacket(OPTIONS.mtu);
    packet[63] = 0xc9;
    expect(read(packet)).toBeNull();
  });

  test('but not one from the end of fe80::/10', () => {
    expect(read(changed(8, 0xfe, 0xbf))?.router).toBe('febf::1');
  });

  test('but not what Ethernet pads', () => {
    expect(read(Uint8Array.of(...advertisementPacket(), 0, 0, 0, 0))?.router).toBe('fe80::1');
  });
});

describe('several messages of a router (RFC 4861 §6.2.3)', () => {
  const empty = { prefixes: [], pref64: [], resolvers: [], refusedPref64: 0, mtuBytes: null };

  test('options of both', () => {
    const both = joined(
      advertisement('fe80::1', {
        ...empty,
        mtuBytes: 1480,
        pref64: [{ prefix: '64:ff9b::/96', lifetimeSeconds: 600 }],
      }),
      advertisement('fe80::1', { ...empty, resolvers: [{ address: '2001:db8::1', lifetimeSeconds: 60 }] }),
    );
    expect(both).toMatchObject({
      mtuBytes: 1480,
      pref64: [{ prefix: '64:ff9b::/96', lifetimeSeconds: 600 }],
      resolvers: [{ address: '2001:db8::1', lifetimeSeconds: 60 }],
    });
  });

  test('of the same option the later one', () => {
    const both = joined(
      advertisement('fe80::1', { mtuBytes: 1480, pref64: [{ prefix: '64:ff9b::/96', lifetimeSeconds: 600 }] }),
      advertisement('fe80::1', {
        lifetimeSeconds: 0,
        mtuBytes: 1492,
        pref64: [{ prefix: '64:ff9b::/96', lifetimeSeconds: 0 }],
      }),
    );
    expect(both).toMatchObject({
      lifetimeSeconds: 0,
      mtuBytes: 1492,
      pref64: [{ prefix: '64:ff9b::/96', lifetimeSeconds: 0 }],
    });
  });

  test('the same refused option is counted once', () => {
    const once = advertisement('fe80::1', { refusedPref64: 1 });
    expect(joined(joined(once, once), advertisement('fe80::1')).refusedPref64).toBe(1);
  });

  test('a router that goes on and on does not fill the memory', () => {
    let all = advertisement('fe80::1', empty);
    for (let round = 0; round < 300; ++round) {
      const resolvers = [{ address: `2001:db8::${round.toString(16)}`, lifetimeSeconds: 60 }];
      const prefixes = advertisement('fe80::1').prefixes.map((one) => ({ ...one, prefix: `2001:db8:${round}::/64` }));
      const pref64 = [{ prefix: `2001:db8:${round}::/96`, lifetimeSeconds: 600 }];
      all = joined(all, advertisement('fe80::1', { resolvers, prefixes, pref64 }));
    }
    expect([all.resolvers.length, all.prefixes.length, all.pref64.length]).toEqual([64, 64, 64]);
  });
});

describe('hostile messages', () => {
  const whole = advertisementPacket(...Object.values(OPTIONS));

  test('whatever it is, it is refused or bounded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2048 }), (octets) => {
        const known = read(octets);
        if (known !== null) expect(known.prefixes.length).toBeLessThanOrEqual(64);
      }),
    );
  });

  test('options of any kind behind a right header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1400 }), (options) => {
        const packet = advertisementPacket(Buffer.from(options).toString('hex'));
        const known = read(packet);
        if (known === null) return;
        const { prefixes, pref64, resolvers, refusedPref64 } = known;
        expect(prefixes.length + pref64.length + refusedPref64).toBeLessThanOrEqual(64);
        expect(resolvers.length).toBeLessThanOrEqual(128);
      }),
      { numRuns: 1000 },
    );
  });

  test('well-formed options of any contents', () => {
    const option = fc
      .tuple(
        fc.constantFrom(3, 5, 25, 38, 1, 254),
        fc.integer({ min: 1, max: 6 }),
        fc.uint8Array({ minLength: 46, maxLength: 46 }),
      )
      .map(([type, units, body]) => Uint8Array.of(type, units, ...body.subarray(0, units * 8 - 2)));
    fc.assert(
      fc.property(fc.array(option, { maxLength: 40 }), (options) => {
        const known = read(advertisementPacket(...options.map((one) => Buffer.from(one).toString('hex'))));
        expect(known?.router).toBe('fe80::1');
        expect(known?.prefixes.length).toBe(options.filter(([type, units]) => type === 3 && units === 4).length);
        const told = options.filter(([type]) => type === 38).length;
        expect((known?.pref64.length ?? 0) + (known?.refusedPref64 ?? 0)).toBe(told);
      }),
    );
  });

  test('not more than 64 options are looked at', () => {
    expect(read(advertisementPacket(...Array.from({ length: 70 }, () => OPTIONS.pref64)))?.pref64.length).toBe(64);
  });

  test('a true one with octets changed, and the checksum right again', () => {
    const change = fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const packet = whole.slice();
        for (const [at, octet] of changes) packet[at] = octet;
        read(packet);
        read(filled(packet));
      }),
      { numRuns: 1000 },
    );
  });

  test('a true one cut anywhere', () => {
    for (let length = 0; length < whole.length; ++length) expect(read(whole.subarray(0, length))).toBeNull();
  });
});
